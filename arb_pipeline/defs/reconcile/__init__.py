"""The replay of each closed hour, and its comparison with what the worker said live."""
