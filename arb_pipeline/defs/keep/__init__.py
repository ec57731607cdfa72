"""Keeping the record: retention, backup, verification."""
