"""``vid-bench models``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter, validators

from vid_diffusion_bench.cli.model_tables import fit_table, health_table
from vid_diffusion_bench.cli.reply import DONE, FAILED, Reply
from vid_diffusion_bench.exceptions import ModelLoadingError

if TYPE_CHECKING:
    from vid_diffusion_bench.config import GenerationParameters
    from vid_diffusion_bench.engine.fit import Fit

app = App(name="models", help="List models and what they need; download, check and size them.")
_STYLES = {"available": "green", "not_downloaded": "yellow", "missing_dependency": "yellow", "unconfigured": "yellow"}


@app.command(name="list")
def list_all() -> Reply:
    """List the models known by name, and whether each could run now."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.models import list_models

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("model", "parameters", "largest", "frames", "status"):
        table.add_column(title, justify="right" if title in {"parameters", "largest", "frames"} else "left")
    models = list_models()
    for model in models:
        status = Text(model.status.replace("_", " "), style=_STYLES[model.status])
        table.add_row(
            model.name, _count(model.parameters), model.max_resolution or "—", str(model.max_frames or "—"), status
        )
    note = Text(
        "\nAny other diffusers video model works as hf:ORG/NAME or as a folder, a server as endpoint:URL#MODEL.",
        style="dim",
    )
    return Reply({"models": [model.model_dump(mode="json") for model in models]}, Group(table, note))


@app.command
def download(name: str, /, *, cache_dir: Path | None = None, revision: str | None = None) -> Reply:
    """Download a model from the hub; after a failure the same command fetches what is lacking.

    Only what a pipeline is loaded from is fetched: safetensors, configuration, tokenizers and scheduler. The commit is
    written down, and the model is that one from then on. Gated models need `hf auth login` or HF_TOKEN.

    Args:
        name: A name or alias, or `hf:ORG/NAME`.
        cache_dir: In place of the Hugging Face cache.
        revision: A branch, tag or commit. Default: main.
    """
    from vid_diffusion_bench.cli.progress import bytes_bar
    from vid_diffusion_bench.models import download_model

    with bytes_bar(name) as progress:
        found = download_model(name, revision, cache_dir=cache_dir, progress=progress)
    data = {**asdict(found), "folder": str(found.folder)}
    return Reply(data, f"{name}: {found.size_bytes / 1e9:.2f} GB at {found.commit}\n{found.folder}")


@app.command
def info(name: str, /) -> Reply:
    """Show what is known of a model: what it needs, its licence, its links, whether it could run now and would fit.

    Args:
        name: A name or alias, `hf:ORG/NAME`, or a diffusers folder.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vid_diffusion_bench.models import model_info

    model, estimate = model_info(name), None
    if model.status == "available":
        try:
            estimate = _fit(name, FitOptions())
        except ModelLoadingError as error:
            model = model.model_copy(update={"status": "unconfigured", "status_reason": error.message})
    data = model.model_dump(mode="json")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for field, value in data.items():
        if value not in (None, False) and (text := _text(value)):
            table.add_row(Text(field.replace("_", " "), style="bold"), Text(text, overflow="fold"))
    shown = Group(table, "", fit_table(estimate)) if estimate else table
    return Reply({**data, "fit": estimate.model_dump(mode="json") if estimate else None}, shown)


@Parameter(name="*")
@dataclass(frozen=True)
class FitOptions:
    """The size that is asked about; what is left out is the model's own default."""

    num_frames: int | None = None
    """Frames a clip."""

    height: int | None = None
    """Pixels."""

    width: int | None = None
    """Pixels."""

    batch_size: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 1
    """Clips made together."""

    precision: str | None = None
    """fp32, bf16 or fp16."""

    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps. Default: the setting `device`."""

    def size(self) -> GenerationParameters:
        """The size as parameters."""
        from vid_diffusion_bench.config import GenerationParameters

        return GenerationParameters.create(num_frames=self.num_frames, height=self.height, width=self.width)


@app.command
def fit(name: str, /, *, options: FitOptions = FitOptions()) -> Reply:
    """Estimate whether a model fits the device's memory at a size, and how long a clip takes. Nothing is loaded.

    Args:
        name: A name or alias, `hf:ORG/NAME`, or a diffusers folder, whose weights are here.
        options: The size.
    """
    estimate = _fit(name, options)
    if estimate is None:
        return Reply(
            {"model": name, "fit": None}, f"{name} is no pipeline of diffusers: its memory cannot be estimated"
        )
    return Reply(estimate.model_dump(mode="json"), fit_table(estimate))


@app.command
def health_check(
    name: str,
    /,
    *,
    options: FitOptions = FitOptions(),
    refresh: bool = False,
) -> Reply:
    """Load a model and make one clip in one denoising step; the finding is kept for an hour. Exit code 1 if unhealthy.

    Args:
        name: A name or alias, `hf:ORG/NAME`, or a diffusers folder.
        options: The size, the model's own when left out.
        refresh: Check again, whatever is kept.
    """
    from vid_diffusion_bench.engine.health import check_health

    found = check_health(
        name, device=_device(options), precision=options.precision, parameters=options.size(), refresh=refresh
    )
    return Reply(found.model_dump(mode="json"), health_table(found), DONE if found.status == "healthy" else FAILED)


def _fit(name: str, options: FitOptions) -> Fit | None:
    from vid_diffusion_bench.engine.fit import estimate_fit
    from vid_diffusion_bench.models import get_model
    from vid_diffusion_bench.profiling import device_type, resolve_device

    model, device = get_model(name), resolve_device(_device(options))
    precision = options.precision or model.default_precision(device_type(device))
    parameters = options.size().over(model.defaults)
    if grid := getattr(model, "grid", None):
        grid.check(parameters)
    return estimate_fit(model, parameters, device, precision, options.batch_size)


def _device(options: FitOptions) -> str:
    from vid_diffusion_bench.settings import load_settings

    return options.device or load_settings().device


def _count(parameters: int | None) -> str:
    if parameters is None:
        return "—"
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(entry)}" for key, entry in value.items() if entry not in (None, [], {}))
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, int):
        return f"{value:,}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
