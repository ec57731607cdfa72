"""What the market and the trade are: values in, values out; no I/O, no clock, no randomness."""
