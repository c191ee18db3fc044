"""``endpoint:http://host:port/v1#model``: how a user names a served model."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from vid_diffusion_bench.exceptions import ValidationError

PREFIX = "endpoint:"
OPTIONS = {
    "form": ("auto", "sync", "job"),
    "encoding": ("auto", "json", "multipart"),
    "dialect": ("extended", "dynamo", "openai"),
    "key": None,
}
"""Options of a reference by name, with their values, the default first; ``None`` where any name may stand."""

_EXAMPLE = "write endpoint:http://localhost:8000/v1#MODEL"


@dataclass(frozen=True)
class EndpointReference:
    """One served model.

    ``url`` is the base of the interface without a slash at the end; ``model`` is empty where the server's only one is
    meant; ``key_variable`` is the environment variable that holds the key, ``None`` for the one of the settings.
    """

    url: str
    model: str = ""
    form: str = "auto"
    encoding: str = "auto"
    dialect: str = "extended"
    key_variable: str | None = None


def parse_reference(text: str) -> EndpointReference:
    """What ``endpoint:URL[?form=…&encoding=…&dialect=…&key=VARIABLE][#MODEL]`` says.

    Raises:
        ValidationError: It is not written so, or carries a password.
    """
    try:
        parts = urlsplit(text.removeprefix(PREFIX))
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise ValidationError(f"{_shown(text)} is not a URL: {error}", remedy=_EXAMPLE) from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValidationError(f"{_shown(text)} is not the URL of a server", remedy=_EXAMPLE)
    if "@" in parts.netloc:
        raise ValidationError(
            "the URL of an endpoint holds no user or password: it is written into every record",
            remedy="put the key into an environment variable, and name that with ?key=VARIABLE",
        )
    options = _options(parts.query)
    dialect = options.get("dialect", "openai" if host == "api.openai.com" else "extended")
    return EndpointReference(
        url=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}",
        model=parts.fragment,
        form=options.get("form", "auto"),
        encoding=options.get("encoding", "auto"),
        dialect=dialect,
        key_variable=options.get("key"),
    )


def _shown(text: str) -> str:
    """The reference without what may be a secret."""
    return repr(text if "@" not in text and "?" not in text else f"{PREFIX}…")


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in options.items():
        if name not in OPTIONS:
            raise ValidationError(f"an endpoint has no option {name!r}", remedy=f"options are {', '.join(OPTIONS)}")
        known = OPTIONS[name]
        if known and value not in known:
            raise ValidationError(f"{name} is not {value!r}", remedy=f"one of {', '.join(known)}")
        if name == "key" and not value.isidentifier():
            raise ValidationError(
                "key names an environment variable, and this is no such name",
                remedy="write ?key=VARIABLE, and put the key itself into that variable",
            )
    return options
