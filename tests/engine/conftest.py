import pytest

from small_models import Painter, Reluctant, Unloadable
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.models import ModelRegistry


@pytest.fixture
def painter():
    """A registered painter: the instance that every run of the test gets."""
    model = Painter()
    ModelRegistry.register("painter", lambda: model)
    ModelRegistry.register("unloadable", Unloadable)
    ModelRegistry.register("reluctant", Reluctant)
    yield model
    for name in ("painter", "unloadable", "reluctant"):
        ModelRegistry.unregister(name)


@pytest.fixture
def configure(tmp_path, painter):
    """A configuration of the painter in the test's own folder."""

    def configuration(*prompts, **changes):
        fields = {"models": ["painter"], "prompts": list(prompts) or ["a red circle"], "device": "cpu", "warmup": 0}
        return BenchmarkConfig.create(**{**fields, "output_dir": str(tmp_path / "run"), **changes})

    return configuration
