"""What a bundle says of itself: ``bundle.json``, the SHA-256 of every member and one over all of them."""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal

from pydantic import Field

from vid_diffusion_bench.results import Value, fingerprint

BUNDLE_SCHEMA: Final = 1
MANIFEST: Final = "bundle.json"
RESULTS: Final = "results.json"
README: Final = "README.md"
CLIPS: Final = "clips"
CERTIFICATES: Final = "certificates"
ENVIRONMENT: Final = "environment"

_HEX = "[0-9a-f]"
ALLOWED: Final = re.compile(
    rf"({MANIFEST}|{RESULTS}|{README}|prompts\.json|samples\.json|environment\.json|weights\.json|reference\.json"
    rf"|{ENVIRONMENT}/{_HEX}{{16}}\.txt|{CERTIFICATES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}\.json"
    rf"|{CLIPS}/{_HEX}{{64}}\.mkv)"
)
"""The only names a member may have; none leads out of a folder."""

ClipsIncluded = Literal["all", "none", "some"]


class Member(Value):
    """One file of the bundle: SHA-256 of its bytes, and their number."""

    sha256: str = Field(pattern=rf"^{_HEX}{{64}}$")
    size: int = Field(ge=0)


class BundleManifest(Value):
    """``bundle.json``: what the bundle is of, and its members.

    ``clips`` says whether every clip of the run is in it: ``some`` where the run itself did not keep all. ``sha256`` is
    that of everything else in here as canonical JSON: the one hash to publish.
    """

    schema_version: int = BUNDLE_SCHEMA
    benchmark_id: str
    made_by: str
    clips: ClipsIncluded
    members: dict[str, Member]
    sha256: str = ""

    def sealed(self) -> BundleManifest:
        """The same with its own hash."""
        return self.model_copy(update={"sha256": self.digest()})

    def digest(self) -> str:
        """SHA-256 over everything but ``sha256``."""
        return fingerprint(self.model_dump(mode="json", exclude={"sha256"}))

    def encoded(self) -> bytes:
        """The only bytes that ``bundle.json`` may have."""
        return encode(self.model_dump(mode="json"))


def encode(data: Any) -> bytes:
    """Plain data as JSON with sorted names: the same data always gives the same bytes."""
    return (json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def clip_member(sha256: str) -> str:
    """The member that holds the clip with these pixels."""
    return f"{CLIPS}/{sha256}.mkv"
