"""The pictures of the README, from a run folder: ``python scripts/pictures.py demo docs/images`` (needs chromium)."""

from __future__ import annotations

import io
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from vid_diffusion_bench import report
from vid_diffusion_bench.storage import load_result

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
SECTIONS = {
    "report.png": (None, 1240),
    "report-clips.png": ("#clips", 900),
    "report-trade-off.png": ("#trade-off", 640),
}


def picture(browser: Browser, page_file: Path, section: str | None, height: int, target: Path) -> None:
    """The page from its top, or from a section with its clips stopped where something has moved."""
    page = browser.new_page(viewport={"width": 1200, "height": height}, color_scheme="light")
    page.set_default_timeout(120_000)
    page.goto(page_file.resolve().as_uri())
    page.wait_for_timeout(1500)
    if section:
        page.get_by_role("button", name="Pause all").click()
        page.evaluate(
            "document.querySelectorAll('.seek').forEach((s) => { s.value = 350; s.dispatchEvent(new Event('input')); })"
        )
        # Last, because a click scrolls to what is clicked.
        page.evaluate(f"document.querySelector('{section}').scrollIntoView({{behavior: 'instant'}})")
        page.wait_for_timeout(1500)
    page.screenshot(path=target)
    page.close()


def terminal(folder: Path, target: Path) -> None:
    """The table as the terminal shows it."""
    console = Console(
        record=True, width=84, file=io.StringIO(), force_terminal=True, markup=False, color_system="truecolor"
    )
    console.print("$ vid-bench compare shapes-oracle shapes-base shapes-small --prompt-set shapes-demo\n", style="dim")
    result = load_result(folder)
    console.print(report.table(result), "", report.ContactSheet(result, folder), sep="\n", end="")
    svg = console.export_svg(title="vid-bench")
    # Rich names a web font; the viewer's own monospace font does as well and asks no other server.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace, DejaVu Sans Mono")
    target.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")


def main(folder: Path, images: Path) -> None:
    """Every picture."""
    images.mkdir(parents=True, exist_ok=True)
    page_file = report.html(load_result(folder), folder, folder / "report.html")
    terminal(folder, images / "terminal.svg")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        for name, (section, height) in SECTIONS.items():
            picture(browser, page_file, section, height, images / name)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
