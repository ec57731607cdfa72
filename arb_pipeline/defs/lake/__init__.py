"""From sealed segments to Parquet hours."""
