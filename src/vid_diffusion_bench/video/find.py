"""Finding clips in a folder, and frames in a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.video.stills import IMAGE_SUFFIXES

VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".avi", ".gif", ".mkv", ".m4v"})


def find_videos(folder: Path | str) -> list[Path]:
    """Video files and frame folders directly in ``folder``, sorted by name.

    Every other regular file is listed too, so that a broken or foreign file is named instead of passed over; hidden
    files and text notes are not. A folder that holds only still images is itself one clip.

    Raises:
        InvalidVideoError: When the folder is missing or holds nothing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidVideoError(f"{folder} is not a folder", remedy="give a folder of video files")
    entries = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    stills = [p for p in entries if p.suffix.lower() in IMAGE_SUFFIXES]
    if stills and len(stills) == len(entries):
        return [folder]
    found = [p for p in entries if p.is_dir() or p.suffix.lower() not in {".txt", ".json", ".csv", ".md", ".html"}]
    if not found:
        raise InvalidVideoError(f"{folder} holds no videos", remedy="mp4, webm, mov, avi, gif, mkv or frame folders")
    return found


def sample_frames(num_frames: int, count: int) -> npt.NDArray[np.intp]:
    """``count`` frame indices spread evenly over a clip, first and last included; repeats when the clip is shorter."""
    return np.round(np.linspace(0, num_frames - 1, count)).astype(np.intp)
