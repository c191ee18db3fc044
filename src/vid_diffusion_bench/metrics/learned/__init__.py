"""Per-clip metrics that ask a network."""
