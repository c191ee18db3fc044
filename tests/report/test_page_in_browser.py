"""The page in a real browser, from disk, with the network off."""

from __future__ import annotations

import pytest

from example_run import HOSTILE, make_run
from vid_diffusion_bench import report


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    prompts = ["a red circle moving left on a black background", "a blue star spinning on a white background"]
    run = make_run(folder / "run", prompts=[*prompts, *HOSTILE])
    return report.html(run.result, run.folder, folder / "report.html")


def until(page, condition):
    """Wait until a JavaScript condition holds."""
    page.evaluate(
        f"""new Promise((done, fail) => {{
          const late = Date.now() + 60000;
          const look = () => {{
            if ({condition}) done(); else if (Date.now() > late) fail("never so"); else setTimeout(look, 10);
          }};
          look();
        }})"""
    )


FIRST_CARD = "[...document.querySelectorAll('.card:first-of-type video')]"


def test_the_clips_play_in_step_and_can_be_stopped(opened):
    page = opened()
    page.locator("#clips .card").first.scroll_into_view_if_needed()
    until(page, f"{FIRST_CARD}.length === 3 && {FIRST_CARD}.every((v) => v.readyState >= 2 && v.currentTime > 0)")
    page.get_by_role("button", name="Pause all").click()
    assert page.evaluate("[...document.querySelectorAll('video')].every((v) => v.paused)")
    page.locator(".seek").first.fill("500")
    until(page, f"{FIRST_CARD}.every((v) => Math.abs(v.currentTime - v.duration / 2) < 0.01)")


def test_a_clip_starts_again_when_it_has_ended(opened):
    page = opened()
    page.locator("#clips .card").first.scroll_into_view_if_needed()
    page.get_by_label("Speed").select_option("2")
    until(page, f"(window.last ?? 0) > {FIRST_CARD}[0].currentTime || !(window.last = {FIRST_CARD}[0].currentTime)")


def test_the_plots_have_a_point_a_model_and_follow_the_choice(opened):
    page = opened()
    assert page.locator("#scatter .scatterlayer .point").count() == 3
    assert page.locator("#stage-plot .bars .point").count() == 6
    page.get_by_label("Metric").select_option("fvd")
    until(page, "document.querySelector('#scatter .ytitle').textContent.startsWith('fvd')")


def test_a_heading_sorts_by_number_with_the_unmeasured_last(opened):
    page = opened()
    heading = page.get_by_role("button", name="clip_similarity")
    column = "[...document.querySelectorAll('#sample-table tbody tr')].map((row) => row.cells[5].dataset.value)"
    heading.click()
    values = page.evaluate(column)
    numbers = [float(value) for value in values if value]
    assert numbers == sorted(numbers)
    assert values[-1] == ""
    heading.click()
    values = page.evaluate(column)
    assert [float(value) for value in values if value] == sorted(numbers, reverse=True)
    assert values[-1] == ""


def test_search_shows_the_prompts_that_match_and_a_hostile_one_runs_nothing(opened):
    page = opened()
    page.get_by_label("Find").fill("star white")
    assert page.locator(".card:visible").count() == 1
    assert page.evaluate("window.broken") is None


def test_the_page_fits_a_phone_and_both_themes(opened):
    page = opened(390, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_it_can_be_used_by_keyboard_alone(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the ranking"
    page.locator("#sample-table button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#sample-table th").first.get_attribute("aria-sort") == "ascending"
