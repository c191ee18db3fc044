"""The server's database: its tables, and how it is opened and brought up to date."""

from vid_diffusion_bench.database.connect import Database
from vid_diffusion_bench.database.migrate import upgrade

__all__ = ["Database", "upgrade"]
