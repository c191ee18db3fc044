"""The one error tree.

::

    VidBenchError                       INTERNAL_ERROR
    ├── ValidationError                 INVALID_PARAMETERS       BENCHMARK_001
    │   ├── InvalidPromptError          INVALID_PROMPT
    │   ├── MetricNotFoundError         METRIC_NOT_FOUND
    │   └── MissingDependencyError      MISSING_DEPENDENCY
    ├── ModelNotFoundError              MODEL_NOT_FOUND
    ├── ModelLoadingError               MODEL_LOADING_FAILED     BENCHMARK_003
    │   └── WeightsNotFoundError        WEIGHTS_NOT_FOUND
    ├── InsufficientMemoryError         INSUFFICIENT_MEMORY      BENCHMARK_002
    ├── GenerationError                 GENERATION_FAILED
    │   ├── GenerationTimeoutError      GENERATION_TIMEOUT
    │   ├── GenerationCancelledError    GENERATION_CANCELLED
    │   └── InvalidOutputError          INVALID_OUTPUT
    ├── MetricComputationError          METRIC_COMPUTATION_FAILED METRIC_002
    │   └── InvalidVideoError           INVALID_VIDEO            METRIC_001
    ├── StorageError                    STORAGE_FAILED
    │   ├── RunLockedError              RUN_LOCKED
    │   ├── BenchmarkNotFoundError      BENCHMARK_NOT_FOUND
    │   ├── UnreadableStoreError        STORE_UNREADABLE
    │   └── InvalidBundleError          INVALID_BUNDLE
    ├── DataRefusedError                DATA_REFUSED
    ├── ConflictError                   CONFLICT
    │   └── LeaseLostError              LEASE_LOST
    ├── AuthenticationError             AUTHENTICATION_FAILED    API_001
    ├── PermissionDeniedError           PERMISSION_DENIED
    ├── RateLimitExceededError          RATE_LIMIT_EXCEEDED      API_002
    ├── ServerOverloadedError           SERVER_OVERLOADED
    ├── ServerUnreachableError          SERVER_UNREACHABLE
    ├── WaitTimeoutError                WAIT_TIMEOUT
    └── NotFoundError                   NOT_FOUND

``code`` is the stable name a program matches on, ``reference`` the number the first API reference gave it,
``http_status`` what the server answers, ``details`` the data, ``remedy`` what the reader can do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class VidBenchError(Exception):
    """Base of every error this package raises on purpose."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    reference: ClassVar[str | None] = None
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, remedy: str | None = None, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details: dict[str, Any] = details or {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled whole, whatever the constructor takes."""
        return _unpickled, (type(self), self.args, self.__dict__)

    def to_dict(self) -> dict[str, Any]:
        """The error as plain data: ``code, message, details`` and, where known, ``reference`` and ``remedy``."""
        body: dict[str, Any] = {"code": self.code, "message": self.message, "details": self.details}
        if self.reference:
            body["reference"] = self.reference
        if self.remedy:
            body["remedy"] = self.remedy
        return body


def _unpickled(cls: type[VidBenchError], args: tuple[Any, ...], state: dict[str, Any]) -> VidBenchError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ValidationError(VidBenchError):
    """What was asked for cannot be done with these parameters."""

    code = "INVALID_PARAMETERS"
    reference: ClassVar[str | None] = "BENCHMARK_001"
    http_status = 400


class InvalidPromptError(ValidationError):
    """A prompt is empty, too long, or not text."""

    code = "INVALID_PROMPT"
    reference: ClassVar[str | None] = None
    http_status = 422


class MetricNotFoundError(ValidationError):
    """No metric of that name is registered."""

    code = "METRIC_NOT_FOUND"
    reference: ClassVar[str | None] = None


class MissingDependencyError(ValidationError):
    """An optional library is needed and not installed; ``remedy`` is the install line."""

    code = "MISSING_DEPENDENCY"
    reference: ClassVar[str | None] = None


class ModelNotFoundError(VidBenchError):
    """No model of that name is known, and no folder or hub id is written so."""

    code = "MODEL_NOT_FOUND"
    http_status = 404

    def __init__(
        self, model_name: str, available_models: Sequence[str] = (), *, suggestions: Sequence[str] = ()
    ) -> None:
        self.model_name = model_name
        self.available_models = list(available_models)
        self.suggestions = list(suggestions)
        hint = f"did you mean {' or '.join(self.suggestions)}?" if suggestions else "see `vid-bench models list`."
        is_path = model_name.startswith((".", "/", "~"))
        super().__init__(
            f"there is no folder {model_name}" if is_path else f"model {model_name!r} is not known",
            remedy=f"{hint} A diffusers folder or hf:ORG/NAME works too.",
            details={"model_name": model_name, "available_models": self.available_models},
        )


class ModelLoadingError(VidBenchError):
    """The model exists but could not be made ready."""

    code = "MODEL_LOADING_FAILED"
    reference: ClassVar[str | None] = "BENCHMARK_003"


class WeightsNotFoundError(ModelLoadingError):
    """The weights are not on this machine; ``remedy`` says how to get them."""

    code = "WEIGHTS_NOT_FOUND"
    reference: ClassVar[str | None] = None
    http_status = 409


class InsufficientMemoryError(VidBenchError):
    """The device has less memory than the model needs."""

    code = "INSUFFICIENT_MEMORY"
    reference: ClassVar[str | None] = "BENCHMARK_002"
    http_status = 422

    def __init__(
        self,
        message: str,
        *,
        required_gb: float | None = None,
        available_gb: float | None = None,
        remedy: str | None = None,
    ) -> None:
        self.required_gb = required_gb
        self.available_gb = available_gb
        super().__init__(
            message,
            remedy=remedy or "use a smaller batch, resolution or number of frames, or a lower precision",
            details={"required_memory_gb": required_gb, "available_memory_gb": available_gb},
        )


class GenerationError(VidBenchError):
    """The model failed while it made a clip."""

    code = "GENERATION_FAILED"


class GenerationTimeoutError(GenerationError):
    """A clip took longer than the time-out; checked after each denoising step."""

    code = "GENERATION_TIMEOUT"
    http_status = 408

    def __init__(self, timeout_seconds: float, *, step: int | None = None) -> None:
        self.timeout_seconds = timeout_seconds
        at = f" at denoising step {step}" if step is not None else ""
        super().__init__(
            f"generation passed its time-out of {timeout_seconds:g} s{at}",
            remedy="raise --timeout, or lower the number of steps or frames",
            details={"timeout_seconds": timeout_seconds, "step": step},
        )


class GenerationCancelledError(GenerationError):
    """The run was asked to stop; raised after the denoising step that was running."""

    code = "GENERATION_CANCELLED"
    http_status = 409


class InvalidOutputError(GenerationError):
    """The model returned something that is not a clip: NaN, the wrong shape, only black frames."""

    code = "INVALID_OUTPUT"


class MetricComputationError(VidBenchError):
    """A metric could not be computed at all."""

    code = "METRIC_COMPUTATION_FAILED"
    reference: ClassVar[str | None] = "METRIC_002"


class InvalidVideoError(MetricComputationError):
    """A file is not a video that can be decoded."""

    code = "INVALID_VIDEO"
    reference: ClassVar[str | None] = "METRIC_001"
    http_status = 422


class StorageError(VidBenchError):
    """Results could not be written or read: a full or read-only disk, a damaged file."""

    code = "STORAGE_FAILED"


class DataRefusedError(VidBenchError):
    """A database does not take what is to be written, however often it is tried: text with NUL, for example."""

    code = "DATA_REFUSED"


class RunLockedError(StorageError):
    """Another process is writing to this folder."""

    code = "RUN_LOCKED"
    http_status = 409


class BenchmarkNotFoundError(StorageError):
    """No run is stored there."""

    code = "BENCHMARK_NOT_FOUND"
    http_status = 404


class UnreadableStoreError(StorageError):
    """What is stored is damaged, or of another version: waiting does not mend it."""

    code = "STORE_UNREADABLE"


class InvalidBundleError(StorageError):
    """A file is no bundle that can be opened: no zip, cut off, unsafe to unpack, of a later version."""

    code = "INVALID_BUNDLE"
    http_status = 422


class ConflictError(VidBenchError):
    """The state of a thing does not allow what was asked of it."""

    code = "CONFLICT"
    http_status = 409


class LeaseLostError(ConflictError):
    """A worker no longer holds the job that it works on; nothing of it may be written."""

    code = "LEASE_LOST"


class AuthenticationError(VidBenchError):
    """Nobody, or nobody known, asked."""

    code = "AUTHENTICATION_FAILED"
    reference: ClassVar[str | None] = "API_001"
    http_status = 401


class PermissionDeniedError(VidBenchError):
    """Somebody known asked for something that is not theirs."""

    code = "PERMISSION_DENIED"
    http_status = 403


class RateLimitExceededError(VidBenchError):
    """Too many requests in a window; ``details`` say when there are some again."""

    code = "RATE_LIMIT_EXCEEDED"
    reference: ClassVar[str | None] = "API_002"
    http_status = 429


class ServerOverloadedError(VidBenchError):
    """The server is at capacity; ``retry_after`` seconds later it may not be."""

    code = "SERVER_OVERLOADED"
    http_status = 503

    def __init__(self, message: str, *, retry_after: int, details: dict[str, Any] | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(
            message,
            remedy=f"try again in {retry_after} s",
            details={**(details or {}), "retry_after": retry_after},
        )


class ServerUnreachableError(VidBenchError):
    """A client got no answer of the server, however often it asked."""

    code = "SERVER_UNREACHABLE"
    http_status = 503


class WaitTimeoutError(VidBenchError):
    """A client waited for a benchmark as long as it was told to; the benchmark goes on."""

    code = "WAIT_TIMEOUT"
    http_status = 504


class NotFoundError(VidBenchError):
    """There is no such thing here."""

    code = "NOT_FOUND"
    http_status = 404


def error_classes(root: type[VidBenchError] = VidBenchError) -> list[type[VidBenchError]]:
    """``root`` and every class below it in this tree, in the order above."""
    below = [child for child in root.__subclasses__() if child.__module__ == __name__]
    return [root, *(found for child in below for found in error_classes(child))]
