"""What whoever runs a server sets, by ``VIDBENCH_*`` variables."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pydantic
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vid_diffusion_bench.auth.authentication import AuthSettings
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.settings import APP


class ServerSettings(BaseSettings):
    """Each name is an environment variable, upper case, after ``VIDBENCH_``."""

    model_config = SettingsConfigDict(env_prefix="VIDBENCH_", frozen=True, extra="ignore", validate_default=True)

    data_root: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir(APP)) / "server",
        description="folder of the server's runs and uploads; every path that a client sends is inside it",
    )
    database_url: SecretStr | None = Field(
        None, description="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME; server.sqlite in data_root"
    )
    rate_limit_storage: SecretStr = Field(
        SecretStr("memory://"), description="memory:// for one process, redis://HOST for several"
    )
    queue_limit: int = Field(1000, ge=1, description="benchmarks that may wait; more are answered SERVER_OVERLOADED")
    max_prompts: int = Field(10_000, ge=1, description="prompts of one benchmark")
    max_upload_mb: int = Field(512, ge=1, description="size of one upload")
    max_body_mb: int = Field(16, ge=1, description="size of any other request")
    lease_seconds: float = Field(30, gt=0, description="how long a silent worker keeps its benchmark")
    benchmark_timeout: float | None = Field(None, gt=0, description="seconds that a benchmark may run, if it says none")
    drain_seconds: float = Field(30, ge=0, description="what requests and benchmarks get to end after SIGTERM")
    worker_memory_gb: float | None = Field(
        None, gt=0, description="memory of models that a worker keeps warm; half of the machine's when not set"
    )
    token_minutes: float = Field(60, gt=0, description="how long a login holds")
    cors_origins: list[str] = Field(default_factory=list, description="JSON list of origins of pages that may ask")
    oidc_issuer: str | None = Field(None, description="URL of an OpenID Connect issuer whose tokens are accepted")
    oidc_audience: str | None = Field(None, description="the audience that its tokens must name")
    work_seconds: float = Field(
        900, gt=0, description="what a health check or the metrics of one request may take, each in its own process"
    )
    max_videos: int = Field(256, ge=2, description="videos of one request for metrics")
    endpoint_hosts: list[str] = Field(
        default_factory=list,
        description="JSON list of HOST or HOST:PORT that endpoint: models may be at; none when empty",
    )
    open_metrics: bool = Field(
        default=False, description="whether /metrics is for everybody; otherwise it needs monitoring.read"
    )
    hub_models: bool = Field(default=False, description="whether hf:ORG/NAME models may be fetched and run")

    @property
    def database(self) -> str:
        """The URL of the database, password and all."""
        if self.database_url:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_root / 'server.sqlite'}"

    @property
    def auth(self) -> AuthSettings:
        """What users, keys and tokens need of them."""
        storage = self.rate_limit_storage.get_secret_value()
        return AuthSettings(self.token_minutes, storage, self.oidc_issuer, self.oidc_audience)

    @classmethod
    def load(cls) -> ServerSettings:
        """The settings in force.

        Raises:
            ValidationError: A variable holds a value that is not allowed.
        """
        try:
            return cls()
        except pydantic.ValidationError as error:
            lines = [f"VIDBENCH_{str(p['loc'][0]).upper()}: {p['msg']}" for p in error.errors(include_url=False)]
            raise ValidationError("; ".join(lines), remedy="see docs/server.md") from error
