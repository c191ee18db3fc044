"""Per-clip metrics of the pixels alone."""
