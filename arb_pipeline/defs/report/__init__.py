"""The published file and the daily report."""
