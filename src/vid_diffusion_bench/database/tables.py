"""The tables of a server. Plain types and JSON: the same definitions serve SQLite and PostgreSQL.

Times are seconds since 1970, UTC. No decision about who may work on a job rests on them: clocks move.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("username", String(254), nullable=False, unique=True),
    Column("password_hash", String(256)),
    Column("issuer", String(512)),
    Column("subject", String(512)),
    Column("permissions", JSON, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("tokens_valid_after", Float, nullable=False, default=0.0),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("issuer", "subject"),
)
"""``password_hash`` is Argon2id's, or null for a user of an OIDC ``issuer``, who is its ``subject``."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id"), nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("prefix", String(16), nullable=False),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("permissions", JSON, nullable=False),
    Column("tier", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
)
"""The key itself is not here; ``prefix`` is what people tell keys apart by."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("secret", LargeBinary(64), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("retired_at", Float),
)
"""Tokens are signed with the newest and checked with any that is not retired."""

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("expires_at", Float, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("actor", String(254)),
    Column("target", String(512)),
    Column("address", String(64)),
    Column("request_id", String(64)),
    Column("details", JSON, nullable=False),
)

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(32), ForeignKey("users.id"), nullable=False),
    Column("name", String(256)),
    Column("model_name", String(256), nullable=False, index=True),
    Column("models", JSON, nullable=False),
    Column("config", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("priority", Integer, nullable=False, default=0),
    Column("status", String(16), nullable=False),
    Column("created_at", Float, nullable=False, index=True),
    Column("started_at", Float),
    Column("updated_at", Float, nullable=False),
    Column("completed_at", Float),
    Column("execution_time", Float),
    Column("total_samples", Integer, nullable=False, default=0),
    Column("done_samples", Integer, nullable=False, default=0),
    Column("failed_samples", Integer, nullable=False, default=0),
    Column("current_task", String(512)),
    Column("results", JSON),
    Column("summary", JSON),
    Column("error", JSON),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, default=0),
    Column("worker", String(64)),
    Column("lease", String(32)),
    Column("beats", BigInteger, nullable=False, default=0),
    Column("last_event", Integer, nullable=False, default=0),
    Index("ix_benchmarks_queue", "status", "priority", "created_at"),
    Index("ix_benchmarks_owner", "owner", "created_at"),
)
"""One row a job. ``lease`` is the token of the worker that holds it, ``beats`` what that worker counts up while it is
alive; ``deaths`` are processes that died over it since its last sample; ``options`` are what the configuration has not
(``compute_metrics``, ``timeout_seconds``); ``summary`` is what a list shows of ``results``."""

samples = Table(
    "samples",
    metadata,
    Column("benchmark_id", String(32), ForeignKey("benchmarks.id"), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("model", String(256), nullable=False),
    Column("prompt_id", String(12), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("latency", Float),
    Column("record", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("ix_samples_model", "model", "created_at"),
)
"""One row a sample that has ended; ``record`` is its ``SampleRecord`` with its scores."""

metric_values = Table(
    "metric_values",
    metadata,
    Column("benchmark_id", String(32), ForeignKey("benchmarks.id"), primary_key=True),
    Column("model", String(256), primary_key=True),
    Column("metric", String(128), primary_key=True),
    Column("value", Float),
    Column("protocol", String(16), nullable=False),
    Column("result", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("ix_metric_values_history", "metric", "created_at"),
)
"""Every metric and performance figure of an ended benchmark: what history and analytics read. ``protocol`` is the
fingerprint: values of different ones are never averaged."""

events = Table(
    "events",
    metadata,
    Column("benchmark_id", String(32), ForeignKey("benchmarks.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", Float, nullable=False),
)
"""``number`` counts 1, 2, 3, … within a benchmark, without gaps."""

workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("description", JSON, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("user_id", String(32), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", Float, nullable=False, index=True),
)
"""What was answered to a request with an ``Idempotency-Key``."""
