"""The tables of a run folder. Plain types and JSON, so that the same definitions serve another database."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, Integer, MetaData, String, Table

STORE_VERSION = 1

metadata = MetaData()

properties = Table(
    "properties",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", String, nullable=False),
)
"""``store_version`` and ``benchmark_id``."""

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("config", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("ended_at", String(32)),
    Column("error", String),
)
"""One row a call of ``run`` on this folder; the last one says how the run stands."""

models = Table(
    "models",
    metadata,
    Column("name", String, primary_key=True),
    Column("provenance", JSON, nullable=False),
    Column("load_seconds", Float),
    Column("error", JSON),
)

manifests = Table(
    "manifests",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("manifest", JSON, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("model", String, nullable=False),
    Column("prompt_id", String(12), nullable=False, index=True),
    Column("status", String(16), nullable=False),
    Column("record", JSON, nullable=False),
    Column("clip_file_sha256", String(64)),
)
"""One row a sample that has ended; ``record`` is its ``SampleRecord`` without scores."""
