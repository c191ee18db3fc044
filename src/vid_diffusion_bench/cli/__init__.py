"""The command line: ``vid-bench`` and ``vid-diffusion-bench`` are the same application."""

from vid_diffusion_bench.cli.app import app, main

__all__ = ["app", "main"]
