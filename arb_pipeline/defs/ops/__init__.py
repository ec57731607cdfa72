"""Alerts: a worker in trouble, a run that failed."""
