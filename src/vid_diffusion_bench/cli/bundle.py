"""``vid-bench bundle`` and ``vid-bench verify``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.cli.reply import DONE, FAILED, Reply
from vid_diffusion_bench.exceptions import ValidationError

if TYPE_CHECKING:
    from vid_diffusion_bench.cli.progress import Watcher
    from vid_diffusion_bench.disclosure import Bundle


def bundle(
    folder: Path | None = None,
    /,
    *,
    output: Path | None = None,
    without_clips: bool = False,
    certificate: Names = None,
    certify: bool = False,
) -> Reply:
    """Pack a finished run for third parties: prompts, seeds, parameters, environment, clips, records, certificates.

    The same run always gives the same bytes. Publish the printed hash beside the numbers.

    Args:
        folder: Folder of a run. Default: the last run.
        output: The zip to write. Default: the folder's name with .bundle.zip, here.
        without_clips: Leave the lossless clips out. Nobody can then compute a score again.
        certificate: certificate.json files of `metrics certify` to pack too.
        certify: Certify the run's metrics now, on the built-in world's clips, and pack that. Takes minutes.
    """
    from vid_diffusion_bench import disclosure
    from vid_diffusion_bench.cli.last_run import last_run
    from vid_diffusion_bench.cli.progress import watch

    run = folder or last_run()
    target = output or Path(f"{run.resolve().name or 'run'}.bundle.zip")
    if target.suffix != ".zip":
        raise ValidationError(f"--output {target} is no .zip", remedy=f"write {target}.zip")
    with watch() as listener:
        certificates = [Path(name) for name in certificate or ()]
        if certify:
            certificates.append(_certify(run, listener))
        made = disclosure.bundle(
            run, target, clips=not without_clips, certificates=certificates, progress=listener.count
        )
    return Reply(made.model_dump(mode="json"), _made(made))


def verify(
    bundle: Path,
    /,
    *,
    sha256: str | None = None,
    reference: Path | None = None,
    regenerate: int = 0,
    model: Names = None,
    require_all: bool = False,
) -> Reply:
    """Check a bundle: its files, its records against each other, its clips, and every score by scoring them again.

    Each thing agrees bit for bit, within a stated tolerance, differs, or cannot be checked here. Exit code 1 when
    something differs.

    Args:
        bundle: The zip that `vid-bench bundle` wrote.
        sha256: The hash that was published with it.
        reference: Folder of the real clips, where the run compared with one.
        regenerate: Clips of each model to make again, with the model of that name on this machine.
        model: What a model of the bundle is called here: NAME=FOLDER, for --regenerate.
        require_all: Exit code 1 also when something cannot be checked here.
    """
    from vid_diffusion_bench import disclosure
    from vid_diffusion_bench.cli.progress import watch
    from vid_diffusion_bench.disclosure.terminal import terminal

    models = _models(model or [])
    with watch() as listener:
        found = disclosure.verify(
            bundle,
            sha256=sha256,
            reference=reference,
            regenerate=regenerate,
            models=models,
            progress=listener.count,
        )
    fine = found.verdict == "verified" if require_all else found.agrees
    return Reply(found.model_dump(mode="json"), terminal(found), DONE if fine else FAILED)


def _certify(run: Path, listener: Watcher) -> Path:
    """Certify the metrics of the run that can run here; the certificate is kept beside the run's result."""
    from vid_diffusion_bench import certification
    from vid_diffusion_bench.certification.page import write
    from vid_diffusion_bench.disclosure.bundle import load_finished
    from vid_diffusion_bench.metrics import MetricRegistry

    result = load_finished(run)
    names = dict.fromkeys(name for model in result.models for name in model.metric_results if name in MetricRegistry)
    found = certification.certify(certification.world_specimens(12), list(names), progress=listener.count)
    page = write(found, run / "certificate")
    return next(path for path in page if path.suffix == ".json")


def _models(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, _, here in pairs if not name or not here]:
        raise ValidationError(f"--model {wrong[0]!r} names no pair", remedy="write NAME=FOLDER")
    return {name: here for name, _, here in pairs}


def _made(made: Bundle) -> str:
    clips = {"all": "with every clip", "some": "with the clips that the run kept", "none": "without clips"}[made.clips]
    return (
        f"Bundle: {made.path} ({made.members} files, {made.size / 1e6:.1f} MB, {clips})\n"
        f"sha256: {made.sha256}\n"
        f"Publish that hash; `vid-bench verify {made.path} --sha256 HEX` holds the bundle against it."
    )
