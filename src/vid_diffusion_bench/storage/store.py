"""One run folder: its lock, its records in ``run.sqlite``, its clips and its ``results.json``."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote
from uuid import uuid4

import pydantic
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, Table, create_engine, event, select, update
from sqlalchemy.exc import DatabaseError

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, RunLockedError, StorageError, UnreadableStoreError
from vid_diffusion_bench.results import BenchmarkResult, Failure, Manifest, RunStatus, SampleRecord, utc_now
from vid_diffusion_bench.storage.clips import ClipStore, disk_error, storage_errors
from vid_diffusion_bench.storage.tables import STORE_VERSION, attempts, manifests, metadata, models, properties, samples

DATABASE, RESULTS, LOCK = "run.sqlite", "results.json", ".lock"


@dataclass(frozen=True)
class StoredModel:
    """What the store knows of a model beside its samples."""

    provenance: dict[str, Any]
    load_seconds: float | None = None
    error: Failure | None = None


class RunStore:
    """The only writer of a run folder, as a context manager that holds the folder's lock.

    A killed process's lock is free; its unfinished files are cleared away.

    Args:
        folder: Made if it is not there.

    Raises:
        RunLockedError: Another process is writing to the folder.
        StorageError: The folder cannot be written, or holds a store of a later version.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.clips = ClipStore(self.folder)
        self._lock = FileLock(str(self.folder / LOCK), timeout=0)
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            _acquire(self._lock, self.folder)
        with ExitStack() as on_failure:
            on_failure.callback(self.__exit__)
            self._engine = _connect(self.folder / DATABASE)
            self._create()
            self.clips.prepare()
            on_failure.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        self._lock.release()

    @property
    def benchmark_id(self) -> str:
        """The run's name, given when the folder was first used."""
        return self._property("benchmark_id")

    def begin(self, config: BenchmarkConfig) -> int:
        """Note that a run of ``config`` has begun here; returns the attempt's number."""
        row = {"config": stated(config), "status": "running", "started_at": utc_now()}
        with self._writing() as connection:
            key = connection.execute(attempts.insert().values(**row)).inserted_primary_key
        assert key is not None
        return int(key[0])

    @contextmanager
    def attempt(self, config: BenchmarkConfig) -> Iterator[int]:
        """Note that a run of ``config`` has begun here, and if the block fails, that it failed; gives the number."""
        number = self.begin(config)
        try:
            yield number
        except BaseException as error:
            with suppress(StorageError):
                self.end(number, "failed", str(error))
            raise

    def end(self, attempt: int, status: RunStatus, error: str | None = None) -> None:
        """Note how an attempt ended."""
        row = {"status": status, "ended_at": utc_now(), "error": error}
        with self._writing() as connection:
            connection.execute(update(attempts).where(attempts.c.id == attempt).values(**row))

    def commit(self, records: Sequence[tuple[SampleRecord, str | None]]) -> None:
        """Store ended samples, each with the hash of its clip's file, all or none; the same key is replaced."""
        rows = [
            {
                "key": record.key,
                "model": record.model,
                "prompt_id": record.prompt_id,
                "status": record.status,
                "record": record.model_dump(mode="json", exclude={"scores"}),
                "clip_file_sha256": file_sha256,
            }
            for record, file_sha256 in records
        ]
        with self._writing() as connection:
            for row in rows:
                _put(connection, samples, row)

    def put_model(self, name: str, model: StoredModel) -> None:
        row = {
            "name": name,
            "provenance": model.provenance,
            "load_seconds": model.load_seconds,
            "error": model.error.model_dump(mode="json") if model.error else None,
        }
        with self._writing() as connection:
            _put(connection, models, row)

    def put_manifest(self, manifest: Manifest) -> None:
        row = {"id": manifest.id, "manifest": manifest.model_dump(mode="json", exclude={"id"})}
        with self._writing() as connection:
            _put(connection, manifests, row)

    def samples(self) -> dict[str, tuple[SampleRecord, str | None]]:
        """Every ended sample by key, with the hash of its clip's file."""
        with self._reading() as connection:
            rows = connection.execute(select(samples.c.record, samples.c.clip_file_sha256)).all()
        records = ((SampleRecord.model_validate(row.record), row.clip_file_sha256) for row in rows)
        return {record.key: (record, file_sha256) for record, file_sha256 in records}

    def models(self) -> dict[str, StoredModel]:
        with self._reading() as connection:
            rows = connection.execute(select(models)).all()
        return {
            row.name: StoredModel(row.provenance, row.load_seconds, row.error and Failure.model_validate(row.error))
            for row in rows
        }

    def manifests(self) -> dict[str, Manifest]:
        with self._reading() as connection:
            rows = connection.execute(select(manifests)).all()
        return {row.id: Manifest.model_validate(row.manifest) for row in rows}

    def write_result(self, result: BenchmarkResult) -> None:
        """Write ``results.json``, whole or not at all."""
        target = self.folder / RESULTS
        unfinished = target.with_suffix(".json.unfinished")
        with storage_errors(self.folder):
            try:
                with unfinished.open("w", encoding="utf-8") as file:
                    file.write(result.model_dump_json(indent=1))
                    file.flush()
                    os.fsync(file.fileno())
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)

    def _create(self) -> None:
        with self._writing() as connection:
            metadata.create_all(connection)
            known = {row.name: row.value for row in connection.execute(select(properties)).all()}
            fresh = {"store_version": str(STORE_VERSION), "benchmark_id": f"bench_{uuid4().hex[:12]}"}
            for name in fresh.keys() - known.keys():
                _put(connection, properties, {"name": name, "value": fresh[name]})
        if (found := int(known.get("store_version", STORE_VERSION))) != STORE_VERSION:
            raise UnreadableStoreError(
                f"{self.folder} holds a store of version {found}; this program writes version {STORE_VERSION}",
                remedy="use the version of vid-diffusion-bench that made it, or another folder",
            )

    def _property(self, name: str) -> str:
        with self._reading() as connection:
            return str(connection.execute(select(properties.c.value).where(properties.c.name == name)).scalar_one())

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One transaction."""
        assert self._engine is not None, "the store is used inside its with block"
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DatabaseError, sqlite3.Error) as error:
            raise disk_error(self.folder, getattr(error, "orig", None) or error) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        assert self._engine is not None, "the store is used inside its with block"
        try:
            with self._engine.connect() as connection:
                yield connection
        except DatabaseError as error:
            raise StorageError(
                f"{self.folder / DATABASE} cannot be read: {getattr(error, 'orig', None) or error}",
                remedy="restore it, or use another folder",
            ) from error


def load_result(folder: Path | str) -> BenchmarkResult:
    """The result that a run left in its folder.

    Raises:
        BenchmarkNotFoundError: No run has ended there.
        UnreadableStoreError: ``results.json`` is damaged or of a later version.
    """
    path = Path(folder) / RESULTS
    try:
        return BenchmarkResult.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        begun = (Path(folder) / DATABASE).is_file()
        remedy = "run the same command again: it goes on where it stopped" if begun else "give the folder of a run"
        raise BenchmarkNotFoundError(
            f"{folder} holds no finished run", remedy=remedy, details={"path": str(folder)}
        ) from error
    except (OSError, ValueError, pydantic.ValidationError) as error:
        raise UnreadableStoreError(
            f"{path} cannot be read: {error}", remedy="run the same command again: the clips and records are kept"
        ) from error


def check_not_running(folder: Path | str) -> None:
    """Make sure that no process is writing to a run folder now; nothing is held.

    A folder that may not be written to (a mounted artifact) has no writer that this process could know of.

    Raises:
        RunLockedError: One is.
    """
    path = Path(folder) / LOCK
    if not path.is_file():
        return
    lock = FileLock(str(path), timeout=0)
    try:
        _acquire(lock, Path(folder))
    except OSError:
        return
    lock.release()


def last_attempt(folder: Path | str) -> RunStatus | None:
    """How the last run in a folder stands; ``None`` where there is no store to ask. Nothing is written.

    Raises:
        UnreadableStoreError: The store cannot be read.
    """
    path = Path(folder) / DATABASE
    if not path.is_file():
        return None
    # Read without a trace: SQLite would leave its files of WAL mode behind, or have no place for them.
    mode = "mode=ro" if path.with_name(f"{DATABASE}-wal").is_file() else "immutable=1"
    engine = create_engine(f"sqlite:///file:{quote(str(path.resolve()))}?{mode}&uri=true")
    status = select(attempts.c.status).order_by(attempts.c.id.desc()).limit(1)
    try:
        with engine.connect() as connection:
            found: RunStatus | None = connection.execute(status).scalar_one_or_none()
            return found
    except DatabaseError as error:
        raise UnreadableStoreError(f"{path} cannot be read: {error.orig}", remedy="restore it") from error
    finally:
        engine.dispose()


def stated(config: BenchmarkConfig) -> dict[str, Any]:
    """What the user wrote of a configuration, as plain data: what was left open stays open when it is read again."""
    return config.model_dump(mode="json", exclude_unset=True)


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire()
    except Timeout as error:
        raise RunLockedError(
            f"another process is writing to {folder}",
            remedy="wait for it, stop it, or choose another --output",
            details={"path": str(folder)},
        ) from error


def _connect(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


def _put(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    """Insert, or replace what has the same primary key; in words that every database knows."""
    (key,) = table.primary_key.columns
    connection.execute(table.delete().where(key == row[key.name]))
    connection.execute(table.insert().values(**row))
