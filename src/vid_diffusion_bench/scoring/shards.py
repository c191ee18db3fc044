"""A pass spread over processes: each measures shards of the clips, and the states merge to the same numbers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError

from vid_diffusion_bench.exceptions import MetricComputationError, ValidationError
from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.scoring.clips import ScoringClip
from vid_diffusion_bench.scoring.one_pass import Metrics, Pass, Progress, accumulate, no_progress

SHARDS_A_WORKER = 16
"""Small enough shards that progress shows and no worker waits long for the last one."""


def accumulate_in_processes(
    clips: Sequence[ScoringClip],
    metrics: Metrics,
    workers: int,
    *,
    store: FeatureStore | None = None,
    progress: Progress = no_progress,
    reference: bool = False,
) -> Pass:
    """As :func:`accumulate`, in ``workers`` processes that share the cores.

    Raises:
        ValidationError: ``workers`` is below 1, or a metric or a clip cannot be sent to another process.
        MetricComputationError: A process was killed.
    """
    _check(clips, metrics, workers)
    shards = [clips[start :: SHARDS_A_WORKER * workers] for start in range(min(len(clips), SHARDS_A_WORKER * workers))]
    measure = partial(accumulate, metrics=metrics, store=store, reference=reference)
    whole, done = Pass({name: metric.empty() for name, metric in metrics.items()}), 0
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _share_cores, (workers,))
    try:
        futures = {pool.submit(measure, shard): len(shard) for shard in shards}
        for future in as_completed(futures):
            whole = whole.merge(future.result())
            done += futures[future]
            progress(done, len(clips))
    except BrokenProcessPool as error:
        raise MetricComputationError(
            "a scoring process was killed, often for want of memory", remedy="score with fewer workers"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return whole


def _check(clips: Sequence[ScoringClip], metrics: Metrics, workers: int) -> None:
    if workers < 1:
        raise ValidationError(f"workers is {workers}; it must be at least 1")
    try:
        ForkingPickler.dumps((metrics, clips))
    except (PicklingError, AttributeError, TypeError) as error:
        raise ValidationError(
            f"a metric or a clip cannot be sent to another process: {error}", remedy="score with one worker"
        ) from error


def _share_cores(workers: int) -> None:
    """Give this process its share of the cores, before the libraries that read this are loaded."""
    import cv2

    threads = max(1, (os.cpu_count() or 1) // workers)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    cv2.setNumThreads(threads)
