"""Opening the database of a server, and the errors that come of it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, SQLAlchemyError, StatementError

from vid_diffusion_bench.exceptions import DataRefusedError, MissingDependencyError, StorageError, ValidationError

REMEDY = "write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
_LOCK = 7_214_061
"""Any number: the advisory lock of PostgreSQL that :meth:`Database.exclusive` takes."""
BUSY_SECONDS = 30
"""How long a writer waits for another one of SQLite."""
CONNECT_SECONDS = 5
"""How long a PostgreSQL that does not answer is waited for, if its URL says no ``connect_timeout``."""


class Database:
    """A database, by the URL of SQLAlchemy: ``sqlite:///FILE`` or ``postgresql+psycopg://…``.

    Safe for many threads; a process that forks must open its own.

    Raises:
        ValidationError: The URL is none, or of another database.
        MissingDependencyError: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._watch: sqlite3.Connection | None = None
        self._watching = threading.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block.

        Raises:
            StorageError: The database cannot be reached or written.
            DataRefusedError: It does not take these values; trying again does not help.
        """
        engine = self.engine.execution_options(writes=True)
        with _translated(self.engine), engine.begin() as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """As :meth:`writing`, while nobody else is in such a block: for what must happen once, or one after another.

        Raises:
            StorageError: The database cannot be reached or written.
        """
        with self.writing() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent look.

        Raises:
            StorageError: The database cannot be reached or read.
        """
        with _translated(self.engine), self.engine.connect() as connection:
            yield connection

    def version(self) -> int | None:
        """A number that every commit of anybody, in any process, makes another one. Asking for it costs microseconds.

        ``None`` where the database has no such number: PostgreSQL, or a file that is locked or gone. Never waits.
        """
        if not self.is_sqlite:
            return None
        with self._watching:
            try:
                if self._watch is None:
                    uri = f"{Path(str(self.engine.url.database)).absolute().as_uri()}?mode=ro"
                    self._watch = sqlite3.connect(uri, uri=True, timeout=0, check_same_thread=False)
                (number,) = self._watch.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                return None
        return int(number)

    def close(self) -> None:
        self.engine.dispose()
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip()
        name = f"the database {engine.url.render_as_string(hide_password=True)}"
        never_sent = isinstance(error, StatementError) and not isinstance(error, DBAPIError)
        if never_sent or isinstance(error, DataError):
            raise DataRefusedError(f"{name} does not take what is to be written: {cause}") from error
        raise StorageError(
            f"{name} failed: {cause}",
            remedy="see that it runs, can be reached and has room; what was committed is kept",
        ) from error


def _engine(url: str) -> Engine:
    # At DEBUG SQLAlchemy logs every row that it reads: hashes of passwords, and the keys that sign tokens.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValidationError("the database's URL cannot be read", remedy=REMEDY) from error
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(url, parsed.database)
    if parsed.drivername != "postgresql+psycopg":
        raise ValidationError(f"{parsed.drivername} is no database of this server", remedy=REMEDY)
    if "connect_timeout" not in parsed.query:
        parsed = parsed.update_query_dict({"connect_timeout": str(CONNECT_SECONDS)})
    try:
        return create_engine(
            parsed, hide_parameters=True, pool_size=10, max_overflow=20, pool_pre_ping=True, pool_timeout=10
        )
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "psycopg is not installed", remedy="pip install 'vid-diffusion-bench[server]'"
        ) from error


def _sqlite(url: str, file: str | None) -> Engine:
    if not file or file == ":memory:":
        raise ValidationError("a server's database is a file", remedy=REMEDY)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins; see below
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that reads first and then writes would fail at once, whatever the time-out, if another wrote
        # in between; one that takes the lock first waits.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine
