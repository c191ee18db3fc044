"""The certificate in a real browser, from disk, with the network off."""

from __future__ import annotations

import pytest

from broken_metrics import Brightness, Rolling
from vid_diffusion_bench.certification import Specimens, certify
from vid_diffusion_bench.certification.distortions import distortion
from vid_diffusion_bench.certification.page import write
from vid_diffusion_bench.metrics import MetricRegistry

DISTORTIONS = ("blur", "freeze", "reverse")


@pytest.fixture(scope="module")
def written(tmp_path_factory, specimens):
    MetricRegistry.register("brightness", Brightness())
    MetricRegistry.register("rolling", Rolling())
    hostile = "<script>window.broken = 1</script> & <b>bold</b>"
    clips = [type(clip)(f"{clip.key} {hostile}", clip.prompt, clip.video) for clip in specimens[:4]]
    try:
        found = certify(
            Specimens(tuple(clips), "folder of a test", (hostile,)),
            ["psnr", "temporal_consistency", "clip_score", "brightness", "rolling"],
            distortions=[distortion(name) for name in DISTORTIONS],
        )
    finally:
        MetricRegistry.unregister("brightness")
        MetricRegistry.unregister("rolling")
    return write(found, tmp_path_factory.mktemp("page"))[0]


def test_the_matrix_has_a_cell_for_every_metric_and_distortion(opened):
    page = opened()
    assert page.locator("#matrix tbody tr").count() == 5
    assert page.locator("#matrix tbody td").count() == 5 * len(DISTORTIONS)
    row = page.locator("#matrix tbody tr").first
    assert row.locator("th").inner_text().startswith("psnr")
    assert [text.split("\n")[0] for text in row.locator("td").all_inner_texts()] == ["▼\u00a0worse"] * 3


def test_what_failed_is_told_first_and_in_words(opened):
    page = opened()
    assert page.locator("h1").inner_text() == "1 metric fails: rolling"
    assert "rolling breaks order" in page.locator("#failures").inner_text()
    assert page.locator("#laws .broken").count() == 6


def test_the_curves_follow_the_choice(opened):
    page = opened()
    assert page.locator("#curves-plot .scatterlayer .trace").count() == len(DISTORTIONS)
    page.get_by_label("Metric", exact=True).select_option("temporal_consistency")
    assert "change" in page.locator("#curves-plot .ytitle").text_content()


def test_it_fits_a_phone_and_both_themes_and_runs_nothing_hostile(opened):
    page = opened(390, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    assert page.evaluate("window.broken") is None
