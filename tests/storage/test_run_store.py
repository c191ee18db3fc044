import json
import multiprocessing
import os
import resource
import signal
import sqlite3

import numpy as np
import pytest

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, InvalidVideoError, RunLockedError, StorageError
from vid_diffusion_bench.results import BenchmarkResult, Failure, ModelResult, SampleRecord
from vid_diffusion_bench.storage import RunStore, StoredModel, load_result
from vid_diffusion_bench.video import Video, read_video


def _record(key="a" * 64, **changes):
    fields = {
        "key": key,
        "model": "m",
        "prompt": "a red circle",
        "prompt_id": "0" * 12,
        "index": 0,
        "seed": 1,
        "parameters": GenerationParameters(num_frames=3),
        "status": "failed",
        "failure": Failure(code="X", message="x", stage="generate"),
    }
    return SampleRecord(**{**fields, **changes})


def _video(seed=0, size=16):
    return Video(np.random.default_rng(seed).integers(0, 256, (4, size, size + 1, 3), np.uint8), 8.0)


def test_what_is_committed_is_there_in_the_next_process(tmp_path):
    record = _record()
    with RunStore(tmp_path) as store:
        name = store.benchmark_id
        store.commit([(record, "f" * 64)])
        store.put_model("m", StoredModel({"class": "M"}, 1.5, record.failure))
    with RunStore(tmp_path) as store:
        assert store.benchmark_id == name
        assert store.samples() == {record.key: (record, "f" * 64)}
        assert store.models() == {"m": StoredModel({"class": "M"}, 1.5, record.failure)}


def test_a_batch_is_committed_whole_or_not_at_all(tmp_path):
    without_status = _record("b" * 64).model_copy(update={"status": None})
    with RunStore(tmp_path) as store:
        with pytest.raises(StorageError):
            store.commit([(_record("a" * 64), None), (without_status, None)])
        assert store.samples() == {}


def test_the_same_key_is_replaced(tmp_path):
    with RunStore(tmp_path) as store:
        store.commit([(_record(), None)])
        store.commit([(_record(seed=2), None)])
        assert [record.seed for record, _ in store.samples().values()] == [2]


def test_a_clip_comes_back_bit_for_bit(tmp_path):
    video = _video()
    with RunStore(tmp_path) as store:
        stored = store.clips.write("k", video, preview=True)
        assert np.array_equal(store.clips.read(stored.info).frames, video.frames)
        assert stored.info.path == f"clips/{video.sha256()}.mkv"
        assert store.clips.is_intact(stored.info, stored.file_sha256)
    assert read_video(tmp_path / stored.info.preview).num_frames == 4


@pytest.mark.parametrize("damage", ["remove", "truncate", "flip", "swap"])
def test_a_damaged_clip_is_noticed(tmp_path, damage):
    with RunStore(tmp_path) as store:
        stored = store.clips.write("k", _video(0), preview=False)
        path = tmp_path / stored.info.path
        content = path.read_bytes()
        if damage == "remove":
            path.unlink()
        elif damage == "truncate":
            path.write_bytes(content[: len(content) // 2])
        elif damage == "flip":
            middle = len(content) // 2
            path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        else:
            other = store.clips.write("o", _video(1), preview=False)
            path.write_bytes((tmp_path / other.info.path).read_bytes())
        assert not store.clips.is_intact(stored.info, stored.file_sha256)
        with pytest.raises(InvalidVideoError):
            store.clips.read(stored.info)


def test_unfinished_files_of_a_killed_process_are_cleared(tmp_path):
    with RunStore(tmp_path):
        pass
    (tmp_path / "clips" / ".unfinished-1.mkv").write_bytes(b"half")
    with RunStore(tmp_path):
        assert list((tmp_path / "clips").iterdir()) == []


def test_a_second_writer_is_turned_away_at_once(tmp_path):
    with RunStore(tmp_path), pytest.raises(RunLockedError) as caught, RunStore(tmp_path):
        pass
    assert str(tmp_path) in caught.value.message
    assert "--output" in caught.value.remedy


def _hold(folder, ready):
    with RunStore(folder):
        ready.set()
        signal.pause()


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    with pytest.raises(RunLockedError), RunStore(tmp_path):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with RunStore(tmp_path):
        pass


def _write_past_a_limit(folder, queue):
    with RunStore(folder) as store:
        store.commit([(_record(), None)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        try:
            store.clips.write("k", _video(size=256), preview=False)
        except StorageError as error:
            queue.put((error.message, error.remedy))


def test_a_disk_that_takes_no_more_loses_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=_write_past_a_limit, args=(tmp_path, queue))
    process.start()
    message, remedy = queue.get(timeout=60)
    process.join()
    assert str(tmp_path) in message
    assert "free some space" in remedy
    assert list((tmp_path / "clips").iterdir()) == []
    with RunStore(tmp_path) as store:
        assert len(store.samples()) == 1


@pytest.mark.parametrize("place", ["/proc/vid-bench-test", "/dev/null/run"])
def test_a_place_that_cannot_be_written_is_an_error_with_a_remedy(place):
    with pytest.raises(StorageError) as caught, RunStore(place):
        pass
    assert place in caught.value.message
    assert caught.value.remedy


def test_a_damaged_database_is_an_error_and_is_left_alone(tmp_path):
    with RunStore(tmp_path):
        pass
    (tmp_path / "run.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError), RunStore(tmp_path):
        pass
    assert (tmp_path / "run.sqlite").read_bytes().startswith(b"not a database")


def test_a_store_of_a_later_version_is_not_touched(tmp_path):
    with RunStore(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "run.sqlite") as connection:
        connection.execute("UPDATE properties SET value = '99' WHERE name = 'store_version'")
    with pytest.raises(StorageError, match="version 99"), RunStore(tmp_path):
        pass


def test_a_database_that_is_not_flushed_is_not_ours(tmp_path):
    with RunStore(tmp_path) as store, store._writing() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def _result():
    config = BenchmarkConfig(models=["m"], prompts=["p"], num_frames=5)
    return BenchmarkResult(
        benchmark_id="b",
        status="completed",
        execution_time=1.0,
        models=[ModelResult(model_name="m", records=[_record()])],
        config=config,
    )


def test_a_result_reads_back_as_it_was(tmp_path):
    result = _result()
    with RunStore(tmp_path) as store:
        store.write_result(result)
    again = load_result(tmp_path)
    assert again == result
    assert again.config.parameters_set() == GenerationParameters(num_frames=5)
    assert "model_results" in json.loads((tmp_path / "results.json").read_text())


def test_a_result_that_cannot_be_written_leaves_no_piece_of_it(tmp_path):
    (tmp_path / "results.json").mkdir()
    with RunStore(tmp_path) as store, pytest.raises(StorageError):
        store.write_result(_result())
    assert not list(tmp_path.glob("*.unfinished"))


def test_no_run_and_a_damaged_result_are_told_apart(tmp_path):
    with pytest.raises(BenchmarkNotFoundError) as caught:
        load_result(tmp_path)
    assert "give the folder" in caught.value.remedy
    with RunStore(tmp_path):
        pass
    with pytest.raises(BenchmarkNotFoundError) as caught:
        load_result(tmp_path)
    assert "goes on" in caught.value.remedy
    (tmp_path / "results.json").write_text('{"half": ')
    with pytest.raises(StorageError) as caught:
        load_result(tmp_path)
    assert not isinstance(caught.value, BenchmarkNotFoundError)
