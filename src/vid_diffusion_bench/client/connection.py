"""Where the server is and who asks, with the key kept out of every text."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.exceptions import ValidationError

PREFIX: Final = "/api/v1"
USER_AGENT: Final = f"vid-diffusion-bench/{__version__}"
SOCKET_LOGGER: Final = logging.getLogger(f"{__name__}.websocket")
# At DEBUG the library writes the headers of the handshake down, and the key is one of them.
SOCKET_LOGGER.setLevel(logging.INFO)


@dataclass
class Connection:
    """An address and a key or token.

    Args:
        base_url: ``http(s)://HOST[:PORT]``, with or without ``/api/v1`` behind it.
        api_key: An API key, sent as ``X-API-Key``.
        token: A token of a login, sent as ``Authorization: Bearer``.

    Raises:
        ValidationError: The address is none, or both key and token are given.
    """

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            url = httpx2.URL(self.base_url)
        except httpx2.InvalidURL as error:
            raise ValidationError(f"{self.base_url!r} is no URL: {error}") from error
        if url.scheme not in ("http", "https") or not url.host:
            raise ValidationError(f"{self.base_url!r} is no URL of a server", remedy="write http(s)://HOST:PORT")
        if url.userinfo or url.query or url.fragment:
            raise ValidationError("the server's URL holds a name, a query or a fragment", remedy="pass the key apart")
        if self.api_key and self.token:
            raise ValidationError("both an API key and a token are given", remedy="give one")
        for secret in (self.api_key, self.token):
            if secret and not (secret.isascii() and secret.isprintable() and " " not in secret):
                raise ValidationError("the key holds characters that no key has", remedy="look for a line's end in it")
        self.base_url = str(url).rstrip("/").removesuffix(PREFIX)

    @property
    def api(self) -> str:
        """The address below which paths of calls are."""
        return self.base_url + PREFIX

    @property
    def headers(self) -> dict[str, str]:
        """Those that say who asks."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.api_key} if self.api_key else {}

    def log_in(self, token: str) -> None:
        """Ask with ``token`` from now on."""
        self.api_key, self.token = None, token

    def socket(self, path: str) -> tuple[str, dict[str, Any]]:
        """The address of a WebSocket and what to open it with."""
        scheme, _, place = self.base_url.partition("://")
        # Of a key, too, as Authorization: that header the library sends to no other place, should it be led to one.
        secret = self.token or self.api_key
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        options = {"additional_headers": headers, "logger": SOCKET_LOGGER, "user_agent_header": USER_AGENT}
        return f"{'wss' if scheme == 'https' else 'ws'}://{place}{path}", options
