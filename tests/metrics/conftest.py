import pytest

from tiny_extractors import save_extractors
from tiny_i3d import save_i3d
from tiny_networks import save_networks, use_networks
from vid_diffusion_bench.features import builtin


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    return save_extractors(tmp_path_factory.mktemp("extractors") / "weights")


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory):
    """A weights folder with the published files, tiny and random."""
    return save_i3d(save_networks(tmp_path_factory.mktemp("weights")))


@pytest.fixture
def tiny_extractors(tiny_weights, tiny_files, monkeypatch):
    """The built-in extractor classes at random weights, in place of the packaged ones, and published networks too."""
    use_networks(monkeypatch, tiny_files)
    monkeypatch.setattr(builtin, "WEIGHTS", tiny_weights)
