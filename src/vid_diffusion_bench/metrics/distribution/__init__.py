"""Set metrics: how two sets of clips, or one, are distributed."""
