from __future__ import annotations

import av
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "start.png"
    Image.fromarray((np.random.default_rng(0).random((40, 40, 3)) * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Nine frames of 32x32 at 6 frames a second, lossless."""
    path = tmp_path_factory.mktemp("clip") / "start.mkv"
    frames = (np.random.default_rng(1).random((9, 32, 32, 3)) * 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=6)
        stream.width = stream.height = 32
        stream.pix_fmt = "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path
