"""The page in a real browser, from disk, with the network off."""

from __future__ import annotations

import shutil

import pytest

from example_run import HOSTILE, make_run
from vid_diffusion_bench import report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed: apt-get install chromium")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    prompts = ["a red circle moving left on a black background", "a blue star spinning on a white background"]
    run = make_run(folder / "run", prompts=[*prompts, *HOSTILE])
    return report.html(run.result, run.folder, folder / "report.html")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, written):
    """A page of a phone's width or more; what it printed as errors, and what it asked for, must be nothing."""
    contexts, complaints, requests = [], [], []

    def open_at(width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine is no failure
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(written.as_uri())
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


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
