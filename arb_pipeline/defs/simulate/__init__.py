"""Simulated trades that live and replay agree on."""
