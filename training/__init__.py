"""The scripts and seeds that made the built-in weights. One command: ``python -m training.build``."""
