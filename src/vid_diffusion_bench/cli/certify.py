"""``vid-bench metrics certify``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import DONE, FAILED, Reply
from vid_diffusion_bench.exceptions import ValidationError

if TYPE_CHECKING:
    from vid_diffusion_bench.certification import Certificate, MetricCertificate, Specimens
    from vid_diffusion_bench.cli.progress import Watcher


def certify(
    *,
    videos: Path | None = None,
    metrics: Names = None,
    output: Path = Path("certificate"),
    clips: int = 12,
    num_frames: int = 32,
    max_side: int = 256,
) -> Reply:
    """Prove the metrics here: their laws, their answers to known distortions of your clips, their pinned values.

    Writes certificate.html and certificate.json. A broken law or a missed pinned value is a failure and the exit code
    is 1; how a metric answers to distortions is a finding and never fails. Nothing is downloaded.

    Args:
        videos: Folder of clips to distort, with prompts as for `metrics compute`. Default: the built-in world's.
        metrics: Metrics by name. Default: every one that can run here.
        output: Folder of the certificate.
        clips: Clips used at most; time grows with them.
        num_frames: Frames used of each clip of the folder at most, from its start.
        max_side: Pixels of the longer side; larger clips of the folder are made smaller.
    """
    for name, value, least in (("clips", clips, 2), ("num-frames", num_frames, 1), ("max-side", max_side, 16)):
        if value < least:
            raise ValidationError(f"--{name} is {value}", remedy=f"{least} or more")
    from vid_diffusion_bench.cli.progress import watch

    with watch() as listener:
        found = _certify(listener, metrics, videos, clips, num_frames, max_side)
    from vid_diffusion_bench.certification.page import write

    files = write(found, output)
    return Reply(found.model_dump(mode="json"), _view(found, files), DONE if found.passes else FAILED)


def _certify(
    listener: Watcher, metrics: list[str] | None, videos: Path | None, clips: int, num_frames: int, max_side: int
) -> Certificate:
    from vid_diffusion_bench import certification

    specimens: Specimens = (
        certification.folder_specimens(videos, clips, num_frames, max_side)
        if videos
        else certification.world_specimens(clips)
    )
    return certification.certify(specimens, metrics, progress=listener.count)


def _view(found: Certificate, files: list[Path]) -> Any:
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("metric", "verdict", "laws", "pinned value", "distortions that count as"):
        table.add_column(title)
    absent = [metric for metric in found.metrics if not metric.laws]
    for metric in found.metrics:
        if metric not in absent:
            style = "red" if metric.failures else "dim" if metric.reason else "green"
            verdict = Text(metric.verdict, style=style)
            table.add_row(Text(metric.label), verdict, _laws(metric), metric.parity.status, _answers(metric))
    ran, asked = len(found.ran), len(found.metrics)
    lacking = f"{ran} of {asked} metrics ran; the certificate says what the others lack." if ran < asked else ""
    broken = [
        Text(f"{metric.label} breaks {law.law}: {law.detail}", style="red")
        for metric in found.metrics
        for law in metric.laws
        if law.status == "broken"
    ]
    return Group(*found.notes, table, Text(), *broken, *filter(None, [lacking]), f"Certificate: {files[0]}")


def _laws(metric: MetricCertificate) -> str:
    counted = Counter(law.status for law in metric.laws)
    return f"{counted['holds']} of {counted['holds'] + counted['broken']}" if metric.laws else ""


def _answers(metric: MetricCertificate) -> str:
    counted = Counter(response.answer for response in metric.responses)
    return ", ".join(f"{answer} {count}" for answer, count in counted.items())
