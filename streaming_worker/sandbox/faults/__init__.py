"""Faults between what a venue says and what arrives: the market's truth is never touched, only the wire."""
