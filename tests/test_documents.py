"""Documents are tests: links lead somewhere, doors exist, what is declared is pinned."""

import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    dead = [link for link in links if "://" not in link and not leads_somewhere(page, *link.partition("#")[::2])]
    assert not dead


def leads_somewhere(page, file, anchor):
    target = page.parent / file if file else page
    return target.exists() and (not anchor or anchor in anchors(target))


@cache
def anchors(page):
    """What GitHub calls the headings of a page: lower case, no punctuation, - for a blank, -1 on the second alike."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = Counter()
    names = set()
    for heading in re.findall(r"^#{1,6} (.*)$", text, flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def test_anchors_are_those_of_the_page(tmp_path):
    page = tmp_path / "a.md"
    page.write_text("# The `code`, of it\n\n## Same\n\n## Same\n\n```\n# no heading\n```\n")
    assert anchors(page) == {"the-code-of-it", "same", "same-1"}
    assert leads_somewhere(page, "", "same-1")
    assert not leads_somewhere(page, "a.md", "no-heading")
    assert not leads_somewhere(page, "b.md", "")


def test_every_make_target_the_readme_names_exists():
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert named <= targets


def test_every_declared_dependency_is_pinned_and_allowed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"].values()
    declared = [*project["project"]["dependencies"], *(entry for group in groups for entry in group)]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(name): version for name, _, version in (p.partition("==") for p in lines if "==" in p)}
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
    assert "torchvision" not in pins


def test_the_architecture_page_lists_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {
        path.stem
        for path in (ROOT / "src" / "vid_diffusion_bench").iterdir()
        if not path.name.startswith(("_", ".")) and path.name != "py.typed"
    }
    named = {name.rstrip("/").removesuffix(".py") for name in re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE)}
    assert rooms == named
