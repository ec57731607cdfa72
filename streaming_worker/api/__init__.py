"""The operators' and programs' door: a process of its own, fed by the worker's gateway and read-only files."""
