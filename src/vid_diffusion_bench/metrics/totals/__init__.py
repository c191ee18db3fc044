"""Totals: stated combinations of other metrics."""
