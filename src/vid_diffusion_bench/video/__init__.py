"""The only home of pixel conventions: what a clip is, how it is read, written, resized and hashed.

Frames are ``uint8`` of shape (T, H, W, 3), RGB, full range 0..255.
"""

from vid_diffusion_bench.video.clip import Frames, Video
from vid_diffusion_bench.video.content import content_hash
from vid_diffusion_bench.video.decode import DECODER
from vid_diffusion_bench.video.find import VIDEO_SUFFIXES, find_videos, sample_frames
from vid_diffusion_bench.video.limits import MAX_CLIP_BYTES, MAX_FRAMES, MAX_PIXELS_PER_FRAME
from vid_diffusion_bench.video.read import read_video
from vid_diffusion_bench.video.resize import centre_crop, resize, resize_8bit, resize_tf1, short_side, short_side_size
from vid_diffusion_bench.video.stills import IMAGE_SUFFIXES
from vid_diffusion_bench.video.write import write_lossless, write_preview

__all__ = [
    "DECODER",
    "IMAGE_SUFFIXES",
    "MAX_CLIP_BYTES",
    "MAX_FRAMES",
    "MAX_PIXELS_PER_FRAME",
    "VIDEO_SUFFIXES",
    "Frames",
    "Video",
    "centre_crop",
    "content_hash",
    "find_videos",
    "read_video",
    "resize",
    "resize_8bit",
    "resize_tf1",
    "sample_frames",
    "short_side",
    "short_side_size",
    "write_lossless",
    "write_preview",
]
