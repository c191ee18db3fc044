"""From what a user writes to a model: a name, an alias, ``hf:ORG/NAME[@REVISION]``, ``endpoint:URL`` or a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vid_diffusion_bench.exceptions import ModelLoadingError, ModelNotFoundError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.models import snapshot
from vid_diffusion_bench.models.base import VideoModel
from vid_diffusion_bench.models.catalogue import ModelInfo, catalogue
from vid_diffusion_bench.models.endpoint.keys import check_key
from vid_diffusion_bench.models.served import ServedModel
from vid_diffusion_bench.registry import Registry
from vid_diffusion_bench.weights.places import hub_cache

if TYPE_CHECKING:
    from vid_diffusion_bench.models.download import Downloaded, Progress
    from vid_diffusion_bench.models.first_frame import FirstFrameModel

ModelFactory = Callable[[], VideoModel]
_ENDPOINT = "endpoint:"
F = TypeVar("F", bound=ModelFactory)

ModelRegistry: Registry[ModelFactory] = Registry(
    "model",
    group="vid_diffusion_bench.models",
    error=lambda name, known, nearest: ModelNotFoundError(name, known, suggestions=nearest),
)
"""Name to what makes the model: a class or a function without arguments. The built-in models are in it too."""


def register_model(name: str, *, aliases: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Decorator that makes a :class:`VideoModel` class, or a function that returns one, known by ``name``."""

    def register(factory: F) -> F:
        ModelRegistry.register(name, factory, aliases=aliases)
        return factory

    return register


def get_model(reference: str) -> VideoModel:
    """The model behind ``reference``, not loaded yet.

    Raises:
        ModelNotFoundError: No such name and no such folder.
        WeightsNotFoundError: It is known, and its weights are not on this machine.
        ModelLoadingError: It is known and cannot run here.
    """
    if reference.startswith("hf:"):
        hub_id, revision = snapshot.parse_hub_reference(reference[3:])
        return _pipeline(reference, _hub_folder(hub_id, revision), hub=hub_id)
    if reference.startswith(_ENDPOINT):
        return _endpoint(reference)
    if reference in ModelRegistry:
        return ModelRegistry.get(reference)()
    folder = Path(reference).expanduser()
    if folder.is_dir():
        return _pipeline(reference, folder)
    ModelRegistry.resolve(reference)
    raise AssertionError("an unknown name does not resolve")


def _pipeline(reference: str, folder: Path, **known: Any) -> VideoModel:
    """The adapter, imported only for a model that needs it: a mistyped name is answered before torch loads."""
    from vid_diffusion_bench.models.diffusers import DiffusersModel

    return DiffusersModel(reference, folder, **known)


def get_first_frame_model(reference: str) -> FirstFrameModel:
    """The text-to-image pipeline behind ``hf:ORG/NAME[@REVISION]`` or a diffusers folder, not loaded yet.

    Raises:
        ValidationError: It is neither.
        WeightsNotFoundError: Its weights are not on this machine.
        ModelLoadingError: It cannot run here, or does not make images from text.
    """
    hub_id, revision = snapshot.parse_hub_reference(reference[3:]) if reference.startswith("hf:") else (None, "")
    folder = _hub_folder(hub_id, revision) if hub_id else Path(reference).expanduser()
    if not folder.is_dir():
        raise ValidationError(f"{reference} is not a folder", remedy="write hf:ORG/NAME or a diffusers folder")
    from vid_diffusion_bench.models.first_frame import FirstFrameModel

    model = FirstFrameModel(reference, folder, hub=hub_id)
    _ = model.call
    return model


def download_model(
    reference: str, revision: str | None = None, *, cache_dir: Path | None = None, progress: Progress | None = None
) -> Downloaded:
    """Fetch a catalogue name's or ``hf:ORG/NAME``'s pipeline from the hub.

    Raises:
        ModelNotFoundError: No such name.
        ModelLoadingError: There is nothing to download for it, or it cannot be had; the remedy says what to do.
        StorageError: The folder cannot be written.
    """
    from vid_diffusion_bench.models.download import download

    if reference.startswith("hf:"):
        hub, at = snapshot.parse_hub_reference(reference[3:])
        return download(hub, revision or at, cache_dir=cache_dir, progress=progress)
    info = model_info(reference)
    if info.assembly or not info.hub:
        reason = "is assembled from parts" if info.assembly else "has no weights on the hub"
        remedy = _how_to_get(info) if info.assembly else "`vid-bench models info` says what it is"
        raise ModelLoadingError(f"{info.name} {reason} and cannot be downloaded", remedy=remedy)
    return download(info.hub, revision or "main", cache_dir=cache_dir, progress=progress)


def _endpoint(reference: str) -> ServedModel:
    """A served model; the HTTP client is imported only for one."""
    from vid_diffusion_bench.models.endpoint.model import EndpointModel
    from vid_diffusion_bench.models.endpoint.reference import parse_reference

    return EndpointModel(reference, parse_reference(reference))


def list_models() -> list[ModelInfo]:
    """Every model known by name, with its status as it is now."""
    return [model_info(name) for name in ModelRegistry.names()]


def canonical_name(reference: str) -> str:
    """The name that a spelling or alias of a registered model stands for; anything else as it is."""
    return ModelRegistry.resolve(reference) if reference in ModelRegistry else reference


def model_info(reference: str) -> ModelInfo:
    """What is known of one model, with its status as it is now. Takes what :func:`get_model` takes.

    Raises:
        ModelNotFoundError: No such name and no such folder.
    """
    if reference.startswith("hf:"):
        hub_id, revision = snapshot.parse_hub_reference(reference[3:])
        info = ModelInfo(name=reference, display_name=hub_id, hub=hub_id)
        return _opened_status(info, snapshot.find_in_hub_cache(hub_id, revision))
    if reference.startswith(_ENDPOINT):
        return _endpoint_info(reference)
    if reference not in ModelRegistry and Path(reference).expanduser().is_dir():
        folder = Path(reference).expanduser()
        architecture = snapshot.read_index(folder)["_class_name"]
        return _opened_status(ModelInfo(name=reference, display_name=folder.name, architecture=architecture), folder)
    factory = ModelRegistry.get(reference)
    if isinstance(factory, partial) and factory.func is _open:
        return _catalogued_status(factory.args[0])
    return _registered_info(ModelRegistry.resolve(reference), factory)


def _endpoint_info(reference: str) -> ModelInfo:
    """A served model is available when its server answers now."""
    model = _endpoint(reference)
    info = ModelInfo(name=reference, display_name=reference, type="endpoint", capabilities=["text_to_video"])
    try:
        model.probe()
    except ModelLoadingError as error:
        reason = f"{error.message} ({error.remedy})" if error.remedy else error.message
        return info.model_copy(update={"status": "unconfigured", "status_reason": reason})
    return info


def _registered_info(name: str, factory: ModelFactory) -> ModelInfo:
    text = (factory.__doc__ or "").strip()
    return ModelInfo(name=name, display_name=name, type="registered", description=text.partition("\n")[0])


def _catalogued_status(info: ModelInfo) -> ModelInfo:
    if info.service:
        try:
            check_key(info.name, info.service)
        except ModelLoadingError as error:
            reason = f"{error.message} ({error.remedy})"
            return info.model_copy(update={"status": "unconfigured", "status_reason": reason})
        return info
    return info if info.entry else _with_status(info, _folder_of(info))


def _with_status(info: ModelInfo, folder: Path | None) -> ModelInfo:
    lacking = _missing_dependencies(info.requirements.dependencies)
    if lacking:
        update = {"status": "missing_dependency", "status_reason": f"pip install {' '.join(map(repr, lacking))}"}
    elif folder is None:
        update = {"status": "not_downloaded", "status_reason": _how_to_get(info)}
    elif parts := snapshot.missing_parts(folder):
        update = {"status": "not_downloaded", "status_reason": "; ".join(parts)}
    elif code := snapshot.own_code(folder):
        reason = f"wants to run code of its own ({', '.join(code)}), which is never done"
        update = {"status": "unconfigured", "status_reason": reason}
    else:
        update = {"status": "available"}
    return info.model_copy(update=update)


def _opened_status(info: ModelInfo, folder: Path | None) -> ModelInfo:
    """Of a pipeline that no catalogue vouches for: whole is not enough, it must make videos too."""
    found = _with_status(info, folder)
    if found.status != "available" or folder is None:
        return found
    try:
        _ = _pipeline(info.name, folder).needs
    except ModelLoadingError as error:
        return found.model_copy(update={"status": "unconfigured", "status_reason": f"{error.message} ({error.remedy})"})
    return found


def _missing_dependencies(requirements: list[str]) -> list[str]:
    from packaging.requirements import Requirement

    def is_missing(line: str) -> bool:
        requirement = Requirement(line)
        try:
            return not requirement.specifier.contains(version(requirement.name), prereleases=True)
        except PackageNotFoundError:
            return True

    return [line for line in requirements if is_missing(line)]


def _folder_of(info: ModelInfo) -> Path | None:
    """The folder a catalogue name stands for: the built-in one, the user's own, or the hub cache's."""
    candidates = [snapshot.BUILTIN_WEIGHTS / info.name] if info.builtin else [snapshot.models_folder() / info.name]
    found = next((folder for folder in candidates if (folder / snapshot.INDEX).is_file()), None)
    return found or (snapshot.find_in_hub_cache(info.hub) if info.hub else None)


def _hub_folder(hub_id: str, revision: str) -> Path:
    folder = snapshot.find_in_hub_cache(hub_id, revision)
    if folder is None:
        at = "" if revision == "main" else f" --revision {revision}"
        raise WeightsNotFoundError(
            f"hf:{hub_id} is not in {hub_cache()}",
            remedy=f"vid-bench models download hf:{hub_id}{at}",
            details={"hub": hub_id, "revision": revision},
        )
    return folder


def _how_to_get(info: ModelInfo) -> str:
    if info.assembly and info.hub:
        return info.assembly.replace("HUB_ID", repr(info.hub))
    if not info.hub:
        return "this installation does not contain its weights"
    accept = f"accept its licence at {info.huggingface_url}, then " if info.gated else ""
    return f"{accept}vid-bench models download {info.name}"


def _open(info: ModelInfo) -> VideoModel:
    """What the registry calls for a catalogue entry."""
    if info.service:
        from vid_diffusion_bench.models.endpoint.queue import QueueModel

        hosted = QueueModel(info)
        hosted.probe()
        return hosted
    if info.entry:
        module, _, attribute = info.entry.partition(":")
        model: VideoModel = getattr(import_module(module), attribute)()
        return model
    folder = _folder_of(info)
    if folder is None:
        remedy = f"{_how_to_get(info)}; or put a diffusers folder at {snapshot.models_folder() / info.name}"
        raise WeightsNotFoundError(f"the weights of {info.name} are not on this machine", remedy=remedy)
    return _pipeline(info.name, folder, info=info)


for _info in catalogue():
    ModelRegistry.register(_info.name, partial(_open, _info), aliases=_info.aliases)
