"""The server's database: its tables, and how it is opened and brought up to date."""

from vid_diffusion_bench.database.connect import Database
from vid_diffusion_bench.database.migrate import upgrade
from vid_diffusion_bench.database.upsert import put

__all__ = ["Database", "put", "upgrade"]
