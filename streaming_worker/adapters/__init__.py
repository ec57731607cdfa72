"""The edge that touches the world: sockets, HTTP, clocks, recordings; no market rules."""
