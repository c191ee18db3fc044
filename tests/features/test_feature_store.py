"""What is kept comes back as it was, and damage is a miss."""

from dataclasses import dataclass

import numpy as np
import pytest

from vid_diffusion_bench.features import Clip, FeatureExtractor, FeatureRegistry, FeatureStore, Kept
from vid_diffusion_bench.testing import noise_clip

ENTRY = ("extractor", "0123456789abcdef", "ab" * 32)


@dataclass(frozen=True)
class Seen:
    values: np.ndarray
    share: float
    known: bool


def test_arrays_and_dataclasses_come_back_bit_for_bit(tmp_path):
    store = FeatureStore(tmp_path)
    array = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    store.put(ENTRY, array)
    found = store.get(ENTRY, np.ndarray)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)
    seen = Seen(np.array([1.5, -0.0]), 0.1, known=True)
    store.put(ENTRY, seen)
    back = store.get(ENTRY, Seen)
    assert (back.share, back.known) == (0.1, True)
    assert back.values.tobytes() == seen.values.tobytes()


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a feature"])
def test_damage_is_a_miss_and_is_mended(tmp_path, damage):
    store = FeatureStore(tmp_path)
    store.put(ENTRY, np.ones(3))
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    for content in (damage, whole[:-30], whole[:40] + b"x" + whole[41:]):
        path.write_bytes(content)
        assert store.get(ENTRY, np.ndarray) is None or np.array_equal(store.get(ENTRY, np.ndarray), np.ones(3))
    path.write_bytes(damage)
    assert store.get(ENTRY, np.ndarray) is None
    store.put(ENTRY, np.ones(3))
    assert np.array_equal(store.get(ENTRY, np.ndarray), np.ones(3))


def test_no_changed_byte_is_more_than_a_miss(tmp_path):
    store = FeatureStore(tmp_path)
    store.put(ENTRY, np.ones(3))
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    for at in range(len(whole)):
        for flip in (1, 8, 255):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
            found = store.get(ENTRY, np.ndarray)
            assert found is None or np.array_equal(found, np.ones(3))


def test_a_bare_array_in_place_of_a_feature_is_a_miss(tmp_path):
    store = FeatureStore(tmp_path)
    store.put(ENTRY, np.ones(3))
    (path,) = tmp_path.rglob("*.npz")
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert store.get(ENTRY, np.ndarray) is None


def test_fields_that_changed_are_a_miss(tmp_path):
    store = FeatureStore(tmp_path)
    store.put(ENTRY, np.ones(3))
    assert store.get(ENTRY, Seen) is None


def test_a_folder_that_cannot_be_written_ends_the_keeping_only(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    store = FeatureStore(tmp_path / "file")
    store.put(ENTRY, np.ones(3))
    store.put(ENTRY, np.ones(3))
    assert store.get(ENTRY, np.ndarray) is None
    assert len(caplog.records) == 1
    assert np.array_equal(store.handle(ENTRY, np.ones(3)).load(), np.ones(3))


def test_a_kept_feature_is_a_place_and_loads_again(tmp_path):
    calls = []

    def compute(clip):
        calls.append(clip.key)
        return clip.video.frames.astype(np.float64).mean(axis=(1, 2))

    FeatureRegistry.register("means", FeatureExtractor("means", compute, lambda: {"v": 1}, np.ndarray))
    try:
        video = noise_clip()
        with_store = Clip("a", "a", lambda: video, content="a", store=FeatureStore(tmp_path))
        without = Clip("a", "a", lambda: video)
        kept, held = with_store.kept("means"), without.kept("means")
        assert kept.path is not None
        assert kept.value is None
        assert held.path is None
        assert np.array_equal(kept.load(), held.load())
        assert kept == Clip("b", "b", lambda: video, content="a", store=FeatureStore(tmp_path)).kept("means")
        assert held == Clip("b", "b", lambda: video).kept("means")
        assert held != Kept(np.zeros(3))
        assert calls == ["a", "a", "b"]
        kept.path.unlink()
        with pytest.raises(FileNotFoundError, match="score again"):
            kept.load()
    finally:
        FeatureRegistry.unregister("means")
