"""Where secrets may be sent."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit


def is_safe_url(url: str) -> bool:
    """Whether what is sent there stays secret: https, or http to this machine itself."""
    parts = parsed(url)
    if parts is None or not parts.hostname:
        return False
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and _is_here(parts.hostname)


def parsed(url: str) -> SplitResult | None:
    """Its parts; ``None`` for what is no URL."""
    if any(character.isspace() or not character.isprintable() for character in url):
        return None
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
