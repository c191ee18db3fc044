"""The certificate as two files: JSON for programs, and one HTML page that opens from disk with no network."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vid_diffusion_bench._version import __version__
from vid_diffusion_bench.certification import curves
from vid_diffusion_bench.certification.certificate import Certificate, LawResult, MetricCertificate, Response
from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.report import numbers
from vid_diffusion_bench.report.frame import assets, render

PAGE, DATA = "certificate.html", "certificate.json"
_TEMPLATES = Path(__file__).parent / "templates"

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
    return render("certificate.html.j2", _context(certificate), folder=_TEMPLATES, number=figure, size=size)


def _context(found: Certificate) -> dict[str, Any]:
    return {
        "found": found,
        "version": __version__,
        "headline": headline(found),
        "cards": _cards(found),
        "ran": found.ran,
        "absent": [metric for metric in found.metrics if metric.reason],
        "judged": [metric for metric in found.metrics if metric.laws],
        "broken": _broken(found.metrics),
        "surprises": [(metric, [r for r in metric.responses if r.surprising]) for metric in found.ran],
        "titles": {entry.name: entry.title for entry in found.distortions},
        "words": WORDS,
        "signs": SIGNS,
        "law_signs": LAW_SIGNS,
        "spark": curves.spark,
        "figures": curves.figures(found.ran, found.distortions),
        **assets(_TEMPLATES / "certificate.css", script=_TEMPLATES / "certificate.js"),
    }


def headline(found: Certificate) -> str:
    """What came of it, in one sentence."""
    failed = [metric for metric in found.metrics if metric.failures]
    ran = found.ran
    if failed:
        return f"{_count(len(failed), 'metric fails', 'metrics fail')}: {', '.join(metric.label for metric in failed)}"
    if not ran:
        return "No metric could run on these clips"
    pinned = sum(metric.parity.status == "agrees" for metric in ran)
    agree = "all agree" if pinned == len(ran) else f"{pinned} agree"
    return f"{_count(len(ran), 'metric obeys', 'metrics obey')} every law; {agree} with the pinned values"


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _cards(found: Certificate) -> list[tuple[str, str, str]]:
    ran = found.ran
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
