"""What every page is made with: its template, and style and scripts that stand inside, so that it needs no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from vid_diffusion_bench.report import numbers

TEMPLATES = Path(__file__).parent / "templates"


def render(
    template: str, context: Mapping[str, Any], *, folder: Path = TEMPLATES, **filters: Callable[..., Any]
) -> str:
    """The page that ``template`` of ``folder`` makes of ``context``; a name it asks for and is not given raises.

    ``filters`` are beside those of :mod:`~vid_diffusion_bench.report.numbers`, or in their place.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(numbers, name) for name in ("compact", "signed", "duration", "size")}
    environment.filters |= filters
    return environment.get_template(template).render(context)


def assets(*styles: Path, script: Path = TEMPLATES / "report.js") -> dict[str, Markup]:
    """Style and scripts that stand inside a page: the shared style and then ``styles``, ``script``, and Plotly."""
    return {
        "css": Markup().join(_inline(path) for path in (TEMPLATES / "report.css", *styles)),
        "js": _inline(script),
        "plotly": _inline(Path(str(files("plotly"))) / "package_data" / "plotly.min.js"),
    }


def _inline(path: Path) -> Markup:
    """A script or style as it is; our own file or Plotly's, so it is not escaped."""
    return Markup(path.read_text(encoding="utf-8").replace("</script", "<\\/script"))  # noqa: S704
