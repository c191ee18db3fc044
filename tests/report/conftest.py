from __future__ import annotations

import pytest

from example_run import HOSTILE, make_run


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """Three models on one ordinary and four hostile prompts; one clip failed. To be read only."""
    folder = tmp_path_factory.mktemp("example") / "run"
    return make_run(folder, prompts=["a red circle moving left on a black background", *HOSTILE])
