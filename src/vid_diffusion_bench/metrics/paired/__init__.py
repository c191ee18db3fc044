"""Metrics against the real clip of the same name."""
