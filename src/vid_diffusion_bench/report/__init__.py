"""Reports: the terminal's table, files of numbers, and one HTML page. All are views of a :class:`BenchmarkResult`."""

from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.report.exporters import FORMATS, export
from vid_diffusion_bench.report.page import html
from vid_diffusion_bench.report.pictures import ContactSheet
from vid_diffusion_bench.report.terminal import table

__all__ = ["FORMATS", "Board", "Column", "ContactSheet", "export", "html", "table"]
