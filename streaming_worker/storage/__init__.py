"""Data at rest: the schema, the one writer, sealed segments, read-only queries."""
