"""Reports: the terminal's table, files of numbers, and one HTML page. All are views of a :class:`BenchmarkResult`."""

from vid_diffusion_bench.report.board import Board, Column
from vid_diffusion_bench.report.comparison_terminal import comparison_table
from vid_diffusion_bench.report.exporters import FORMATS, export, write_file
from vid_diffusion_bench.report.page import html
from vid_diffusion_bench.report.pictures import ContactSheet
from vid_diffusion_bench.report.profile import ProfileTable
from vid_diffusion_bench.report.profile_page import profile_html
from vid_diffusion_bench.report.terminal import table
from vid_diffusion_bench.report.trace import trace, write_trace

__all__ = [
    "FORMATS",
    "Board",
    "Column",
    "ContactSheet",
    "ProfileTable",
    "comparison_table",
    "export",
    "html",
    "profile_html",
    "table",
    "trace",
    "write_file",
    "write_trace",
]
