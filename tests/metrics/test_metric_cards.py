"""Every metric has a card that names what the code says of it; the page's examples run."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, State
from vid_diffusion_bench.metrics.built_in import BUILT_IN
from vid_diffusion_bench.video import Video

CARDS = Path(__file__).parents[2] / "docs" / "metrics"


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_a_card_names_label_and_is_listed(name):
    metric = name.partition(":")[0]
    card = (CARDS / f"{metric}.md").read_text(encoding="utf-8")
    assert f"`{MetricRegistry.get(name).label}`" in card
    assert "## Traps" in card
    assert f"({metric}.md)" in (CARDS / "README.md").read_text(encoding="utf-8")


def test_every_card_is_of_a_metric():
    cards = {path.stem for path in CARDS.glob("*.md")} - {"README"}
    assert cards == {name.partition(":")[0] for name in BUILT_IN}


def test_the_examples_run():
    blocks = re.findall(r"```python\n(.*?)```", (CARDS / "README.md").read_text(encoding="utf-8"), re.S)
    assert len(blocks) == 2
    for block in blocks:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            exec(block, {"__name__": "example"})
        metric, state = MetricRegistry.get("brightness"), State()
        for level in (10, 30):
            metric.update(
                state, Clip(str(level), str(level), lambda v=level: Video(np.full((2, 4, 4, 3), v, np.uint8), 8.0))
            )
        assert metric.compute(state, Context("brightness")).value == 20.0
        MetricRegistry.unregister("brightness")
