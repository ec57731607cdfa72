"""Sans-I/O venue protocols: frames in, events out; no socket, no clock, no retry."""
