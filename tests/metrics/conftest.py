import pytest

from tiny_extractors import save_extractors
from vid_diffusion_bench.features import builtin


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    return save_extractors(tmp_path_factory.mktemp("extractors") / "weights")


@pytest.fixture
def tiny_extractors(tiny_weights, monkeypatch):
    """The built-in extractor classes at random weights, in place of the packaged ones."""
    monkeypatch.setattr(builtin, "WEIGHTS", tiny_weights)
