"""The built-in captioned world: a coloured shape that moves on a plain background.

It renders without limit and is read back by measurement, so that a benchmark has a reference set, a perfect model and
a ground truth on any machine. It says nothing about the real world.
"""
