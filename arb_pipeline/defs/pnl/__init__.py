"""Profit and loss by hour."""
