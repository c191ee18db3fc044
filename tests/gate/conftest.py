"""Real runs of a small model that paints alike for equal seeds, and can be made worse on purpose."""

from __future__ import annotations

import pytest

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.models import ModelRegistry
from worse_models import METRICS, PROMPTS, Worse


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """Makes a run in a folder of its own; equal requests get the same folder, which nobody may change."""
    made = {}

    def make(*, model=None, name="painter", prompts=PROMPTS, metrics=METRICS, **changes):
        key = repr((sorted((model or {}).items()), name, prompts, metrics, sorted(changes.items())))
        if key in made:
            return made[key]
        folder = tmp_path_factory.mktemp("run")
        fields = {"models": [name], "prompts": prompts, "metrics": metrics, "device": "cpu", "warmup": 0}
        ModelRegistry.register(name, lambda: Worse(**(model or {})))
        try:
            run(BenchmarkConfig.create(**{**fields, "output_dir": str(folder), **changes}), score=bool(metrics))
        finally:
            ModelRegistry.unregister(name)
        made[key] = folder
        return folder

    return make


@pytest.fixture
def rewrite(tmp_path):
    """Copies a run with its result changed: ``rewrite(folder, change)``."""
    import shutil

    from vid_diffusion_bench.storage import load_result

    def copy(folder, change):
        target = tmp_path / f"copy-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folder, target)
        (target / "results.json").write_text(change(load_result(folder)).model_dump_json())
        return target

    return copy
