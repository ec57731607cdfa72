"""The capture service: venue frames in, a deterministic engine, a sealed record out."""
