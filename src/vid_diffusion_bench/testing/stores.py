"""What the engine counts on in a store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import InvalidVideoError, RunLockedError
from vid_diffusion_bench.results import Failure, SampleRecord
from vid_diffusion_bench.storage import RunStore
from vid_diffusion_bench.testing.clips import noise_clip


class RunStoreContract(ABC):
    """What the engine counts on in a store of runs. pytest gives each test a ``tmp_path`` of its own."""

    @abstractmethod
    def open_store(self, folder: Path) -> RunStore:
        """The store of ``folder``, not entered."""

    def test_what_is_committed_is_there_when_opened_again(self, tmp_path: Path) -> None:
        record = failed_record()
        with self.open_store(tmp_path) as store:
            name = store.benchmark_id
            store.commit([(record, None)])
        with self.open_store(tmp_path) as store:
            assert store.benchmark_id == name
            assert store.samples() == {record.key: (record, None)}

    def test_a_sample_of_the_same_key_is_replaced(self, tmp_path: Path) -> None:
        with self.open_store(tmp_path) as store:
            store.commit([(failed_record(), None)])
            store.commit([(failed_record(seed=2), None)])
            assert [record.seed for record, _ in store.samples().values()] == [2]

    def test_a_clip_comes_back_bit_for_bit_and_damage_is_noticed(self, tmp_path: Path) -> None:
        video = noise_clip()
        with self.open_store(tmp_path) as store:
            stored = store.clips.write("key", video, preview=True)
            assert np.array_equal(store.clips.read(stored.info).frames, video.frames)
            assert store.clips.is_intact(stored.info, stored.file_sha256)
            store.clips.discard(stored.info)
            assert not store.clips.is_intact(stored.info, stored.file_sha256)
            try:
                store.clips.read(stored.info)
            except InvalidVideoError:
                return
        raise AssertionError("a clip that is gone cannot be read")

    def test_a_second_writer_is_turned_away(self, tmp_path: Path) -> None:
        with self.open_store(tmp_path):
            try:
                self.open_store(tmp_path).__enter__()
            except RunLockedError:
                return
        raise AssertionError("two writers were let in")


def failed_record(seed: int = 1) -> SampleRecord:
    """A small record of a sample that failed, always under the same key."""
    return SampleRecord(
        key="a" * 64,
        model="model",
        prompt="a red circle",
        prompt_id="0" * 12,
        index=0,
        seed=seed,
        parameters=GenerationParameters(num_frames=3),
        status="failed",
        failure=Failure(code="GENERATION_FAILED", message="it broke", stage="generate"),
    )
