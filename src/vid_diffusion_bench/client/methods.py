"""What both clients have: the methods that ask once and give what is answered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack

import httpx2

from vid_diffusion_bench.client import calls
from vid_diffusion_bench.client.calls import BenchmarkFields, Call, EvaluationFields
from vid_diffusion_bench.client.connection import Connection
from vid_diffusion_bench.client.retries import Retries

Object = TypeVar("Object")
Objects = TypeVar("Objects")
Nothing = TypeVar("Nothing")


class Methods(ABC, Generic[Object, Objects, Nothing]):
    """Methods of a client, generic in what they give for an answer that is an object, a list of objects, or nothing:
    the answer itself, or a coroutine that returns it.

    Every request that is not answered, or answered 429, 502, 503 or 504, is sent again (:class:`Retries`); one that
    submits carries a key under which the server does its work once. Errors of the server are raised as the classes of
    ``vid_diffusion_bench.exceptions`` by their code; answers are the plain data of the API.

    Args:
        base_url: ``http(s)://HOST[:PORT]``, with or without ``/api/v1`` behind it.
        api_key: An API key ``vdb_…``.
        token: Or a token of a login; ``login`` gets one.
        retries: How often a request is sent, and how long between.
        timeout: Seconds that any part of a request may take; the answer of a model's health check, and of metrics,
            may take ``work_timeout``.
        work_timeout: Seconds.

    Raises:
        ValidationError: The address is none, or both key and token are given.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        token: str | None = None,
        retries: Retries | None = None,
        timeout: float = 30.0,
        work_timeout: float = 1000.0,
    ) -> None:
        self._connection = Connection(base_url, api_key, token)
        self._retries = retries or Retries()
        self._timeout, self._work_timeout = timeout, work_timeout
        self._open()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._connection.base_url!r})"

    def submit(
        self, prompts: Sequence[str], *, idempotency_key: str | None = None, **fields: Unpack[BenchmarkFields]
    ) -> Object:
        """Queue a benchmark of ``model_name`` or ``models``; gives ``benchmark_id, status, created_at, …``.

        Args:
            prompts: At least one.
            idempotency_key: Made when not given. The same key has the same effect once, for a day.
            **fields: Fields of ``POST /benchmarks``.
        """
        return self._object(calls.submit(prompts, fields, idempotency_key))

    def evaluate(
        self,
        model_name: str,
        prompts: Sequence[str],
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[EvaluationFields],
    ) -> Object:
        """Queue a benchmark of one model."""
        return self._object(calls.evaluate(model_name, prompts, fields, idempotency_key))

    def get(self, benchmark_id: str) -> Object:
        """How a benchmark stands: ``status, progress, current_task, …``."""
        return self._object(calls.get(benchmark_id))

    def results(self, benchmark_id: str) -> Object:
        """The figures of a benchmark that has ended.

        Raises:
            ConflictError: It has not.
        """
        return self._object(calls.results(benchmark_id))

    def cancel(self, benchmark_id: str) -> Object:
        """Cancel a benchmark; what was measured is kept.

        Raises:
            ConflictError: It has ended.
        """
        return self._object(calls.cancel(benchmark_id))

    def models(self) -> Objects:
        """Every model the server knows by name, and whether it could run now."""
        return self._objects(Call("GET", "/models"), "models")

    def model(self, model_name: str) -> Object:
        """All that is known of a model."""
        return self._object(calls.model(model_name))

    def model_health(self, model_name: str) -> Object:
        """Whether a model loads and makes a clip there."""
        return self._object(calls.model_health(model_name))

    def compute_metrics(
        self,
        metrics: Sequence[str],
        generated_videos: Sequence[str],
        real_videos: Sequence[str] = (),
        *,
        prompts: Sequence[str | None] | None = None,
        subsample: bool = False,
    ) -> Object:
        """Score videos that lie in the server's data root, by paths relative to it."""
        return self._object(calls.compute(metrics, generated_videos, real_videos, prompts, subsample=subsample))

    def upload_and_compute(
        self,
        metrics: Sequence[str],
        generated: Sequence[str | Path],
        real: Sequence[str | Path] = (),
        *,
        prompts: Sequence[str] | None = None,
        subsample: bool = False,
    ) -> Object:
        """Score videos of this machine: they are sent, and not kept there.

        Raises:
            ValidationError: A file is not there.
        """
        return self._object(calls.upload(metrics, generated, real, prompts, subsample=subsample))

    def health(self) -> Object:
        """Whether the server works."""
        return self._object(Call("GET", "/health"))

    def logout(self, *, everywhere: bool = False) -> Nothing:
        """End the token of the login, or every token of its user."""
        return self._nothing(calls.logout(everywhere=everywhere))

    def me(self) -> Object:
        """Who asks, and what they may do."""
        return self._object(Call("GET", "/auth/me"))

    def keys(self) -> Objects:
        """One's own API keys; the keys themselves are not among what is known of them."""
        return self._objects(Call("GET", "/auth/api-keys"), "api_keys")

    def make_key(
        self, name: str, permissions: Sequence[str], *, tier: str | None = None, expires_at: datetime | None = None
    ) -> Object:
        """An API key of one's own; ``api_key`` of the answer is the key, which no other answer holds."""
        return self._object(calls.make_key(name, permissions, tier, expires_at))

    def revoke_key(self, key_id: str) -> Object:
        """Refuse an API key from now on."""
        return self._object(calls.revoke_key(key_id))

    @abstractmethod
    def _open(self) -> None:
        """Make ready what requests are sent with."""

    @abstractmethod
    def _object(self, call: Call) -> Object:
        """The object that is answered."""

    @abstractmethod
    def _objects(self, call: Call, name: str) -> Objects:
        """The list that the answer has under ``name``."""

    @abstractmethod
    def _nothing(self, call: Call) -> Nothing:
        """Ask; there is nothing in the answer."""

    def _request(self, call: Call) -> dict[str, Any]:
        """What the HTTP library is to send, but for files."""
        return {
            "method": call.method,
            "url": self._connection.api + call.path,
            "json": call.json,
            "params": call.params,
            "headers": {**self._connection.headers, **call.headers},
            "data": call.form,
            "timeout": httpx2.Timeout(self._timeout, read=self._work_timeout if call.lengthy else self._timeout),
        }
