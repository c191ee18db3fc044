"""Reading of clips: a file, a still, or a folder of stills."""

from __future__ import annotations

import stat
from pathlib import Path

from vid_diffusion_bench.video.clip import Video
from vid_diffusion_bench.video.decode import decode
from vid_diffusion_bench.video.limits import reason, refused
from vid_diffusion_bench.video.stills import IMAGE_SUFFIXES, is_animated, read_frame_folder, read_still


def read_video(path: Path | str) -> Video:
    """Read a video file, a folder of equally sized still frames in name order (taken as 8 fps), or one still.

    Frames are 8-bit RGB as stored, bit for bit what PyAV's ``rgb24`` gives: every frame once in presentation order,
    colours by the file's tags (BT.601 limited range where there are none), turned as the display matrix says. What was
    decided for variable frame rates, more than 8 bits, HDR, alpha, interlacing, pixels that are not square or a cut-off
    end stands in ``Video.notes``. See ``docs/reading-videos.md``.

    Raises:
        InvalidVideoError: The file is missing, empty, no regular file, no video, damaged before its end, or larger
            than ``MAX_CLIP_BYTES`` when decoded; the message says which.
    """
    path = Path(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return read_frame_folder(path)
        if not stat.S_ISREG(status.st_mode):
            raise refused(path, "is no regular file")
    except FileNotFoundError as error:
        raise refused(path, "does not exist") from error
    except (OSError, ValueError) as error:
        raise refused(path, f"cannot be opened: {reason(error)}") from error
    if status.st_size == 0:
        raise refused(path, "is empty (0 bytes)")
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        return decode(path)
    if not is_animated(path):
        return read_still(path)
    if suffix == ".webp":
        raise refused(path, "is an animated WebP, which FFmpeg does not decode; save it as a video or as stills")
    return decode(path)
