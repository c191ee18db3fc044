"""How many threads networks compute with; sums of float32 depend on it in their last bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def thread_count() -> int:
    """PyTorch's threads in this process."""
    import torch

    return torch.get_num_threads()


@contextmanager
def threads_used(count: int, *, opencv: int | None = None) -> Iterator[None]:
    """PyTorch with ``count`` threads, OpenCV with ``opencv`` where it is given; both as before afterwards."""
    import cv2
    import torch

    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    if opencv is not None:
        cv2.setNumThreads(opencv)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        if opencv is not None:
            cv2.setNumThreads(before[1])
