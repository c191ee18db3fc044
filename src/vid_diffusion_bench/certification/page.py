"""The certificate as two files: JSON for programs, and one HTML page that opens from disk with no network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from vid_diffusion_bench import report
from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.certification import curves
from vid_diffusion_bench.certification.certificate import Certificate, LawResult, MetricCertificate, Response
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.report import numbers

PAGE, DATA = "certificate.html", "certificate.json"
_TEMPLATES = Path(__file__).parent / "templates"
_SHARED = Path(report.__file__).parent / "templates"

WORDS = {
    "worse": "the distorted clips count as worse, step by step",
    "better": "the distorted clips count as better, step by step",
    "moves": "moves step by step; the metric calls no direction better",
    "uneven": "moves there and back",
    "unmoved": "does not move by as much as counts",
    "not measured": "the metric gives the distorted clips no value",
}
"""What the words of the matrix mean."""
SIGNS = {"worse": "▼", "better": "▲", "moves": "◆", "uneven": "≈", "unmoved": "–", "not measured": "∅"}
LAW_SIGNS = {"holds": "✓", "broken": "✕", "not applicable": "–"}


def write(certificate: Certificate, folder: Path | str) -> list[Path]:
    """Write ``certificate.html`` and ``certificate.json`` into ``folder``, each whole or not at all.

    Raises:
        StorageError: They cannot be written.
    """
    folder = Path(folder)
    texts = {PAGE: html(certificate), DATA: certificate.model_dump_json(indent=2) + "\n"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / name, text) for name, text in texts.items()]
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}") from error


def _write(path: Path, text: str) -> Path:
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, suffix=".part", delete=False) as file:
        file.write(text.encode("utf-8", "replace"))
    part = Path(file.name)
    part.chmod(0o644)
    return part.replace(path)


def html(certificate: Certificate) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": figure, "duration": numbers.duration, "size": size}
    return environment.get_template("certificate.html.j2").render(_context(certificate))


def _context(found: Certificate) -> dict[str, Any]:
    ran = [metric for metric in found.metrics if not metric.reason]
    return {
        "found": found,
        "version": __version__,
        "headline": headline(found),
        "cards": _cards(found, ran),
        "ran": ran,
        "absent": [metric for metric in found.metrics if metric.reason],
        "judged": [metric for metric in found.metrics if metric.laws],
        "broken": _broken(found.metrics),
        "surprises": [(metric, [r for r in metric.responses if r.surprising]) for metric in ran],
        "titles": {entry.name: entry.title for entry in found.distortions},
        "words": WORDS,
        "signs": SIGNS,
        "law_signs": LAW_SIGNS,
        "spark": curves.spark,
        "figures": curves.figures(ran, found.distortions),
        "css": _inline(_SHARED / "report.css") + _inline(_TEMPLATES / "certificate.css"),
        "js": _inline(_TEMPLATES / "certificate.js"),
        "plotly": _inline(Path(str(files("plotly"))) / "package_data" / "plotly.min.js"),
    }


def _inline(path: Path) -> Markup:
    """A script or style to stand inside the page; our own file or Plotly's, so it is not escaped."""
    return Markup(path.read_text(encoding="utf-8").replace("</script", "<\\/script"))  # noqa: S704


def headline(found: Certificate) -> str:
    """What came of it, in one sentence."""
    failed = [metric for metric in found.metrics if metric.failures]
    ran = [metric for metric in found.metrics if not metric.reason]
    if failed:
        return f"{_count(len(failed), 'metric fails', 'metrics fail')}: {', '.join(metric.label for metric in failed)}"
    if not ran:
        return "No metric could run on these clips"
    pinned = sum(metric.parity.status == "agrees" for metric in ran)
    agree = "all agree" if pinned == len(ran) else f"{pinned} agree"
    return f"{_count(len(ran), 'metric obeys', 'metrics obey')} every law; {agree} with the pinned values"


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _cards(found: Certificate, ran: Sequence[MetricCertificate]) -> list[tuple[str, str, str]]:
    laws = [law for metric in found.metrics for law in metric.laws if law.status != "not applicable"]
    held = sum(law.status == "holds" for law in laws)
    pinned = [metric.parity for metric in found.metrics if metric.parity.status != "not pinned"]
    absent = len(ran) < len(found.metrics)
    answers = [response for metric in ran for response in metric.responses]
    return [
        (
            "Metrics that ran",
            f"{len(ran)} of {len(found.metrics)}",
            "what the others lack is said below" if absent else "",
        ),
        ("Laws that hold", f"{held} of {len(laws)}", "counted over the metrics"),
        (
            "Pinned values met",
            f"{sum(p.status == 'agrees' for p in pinned)} of {len(pinned)}",
            "of inputs made in code",
        ),
        ("Surprises", str(sum(r.surprising for r in answers)), f"of {len(answers)} answers to distortions"),
        ("Clips", str(len(found.clips)), found.source),
    ]


def _broken(metrics: Sequence[MetricCertificate]) -> list[tuple[MetricCertificate, list[LawResult]]]:
    return [(metric, [law for law in metric.laws if law.status == "broken"]) for metric in metrics if metric.failures]


def figure(value: float | None) -> str:
    """One number to four significant digits, very small and very large ones as powers of ten."""
    if value is not None and value and not 0.1 <= abs(value) < 1e6:
        return f"{value:.3g}".replace("-", "−")
    return numbers.compact(value).replace("-", "−")


def size(response: Response) -> str:
    """The change on the strongest rung that has one, in yardsticks, with its sign; nothing where there is none."""
    sizes = [rung.size for rung in response.rungs if rung.size is not None]
    if not sizes:
        return ""
    last = sizes[-1]
    text = f"{last:+.2g}" if abs(last) < 100 else f"{last:+.0f}"
    return text.replace("-", "−") if last else "0"
