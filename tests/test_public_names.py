"""The public face: what can be imported, and what importing it costs."""

import json
import subprocess
import sys

import pytest

import vid_diffusion_bench


@pytest.mark.parametrize("name", vid_diffusion_bench.__all__)
def test_every_public_name_can_be_imported(name):
    assert getattr(vid_diffusion_bench, name) is not None


def test_all_is_sorted_and_is_what_dir_shows():
    assert sorted(vid_diffusion_bench.__all__) == vid_diffusion_bench.__all__ == dir(vid_diffusion_bench)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonesuch"):
        vid_diffusion_bench.nonesuch  # noqa: B018 - the look-up is the test


def test_importing_the_package_and_its_values_imports_no_heavy_library():
    code = (
        "import sys, json, vid_diffusion_bench as v; v.BenchmarkConfig, v.MetricResult, v.Video, v.StandardPrompts;"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    loaded = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert not loaded & {"torch", "diffusers", "transformers", "cv2", "scipy", "plotly", "sqlalchemy", "av"}
