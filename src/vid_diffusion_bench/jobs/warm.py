"""Models that stay loaded from one benchmark to the next, as far as they fit a budget."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vid_diffusion_bench.exceptions import VidBenchError
from vid_diffusion_bench.results import GIB

SHARE = 0.5
"""Of the machine's memory, when no budget is given."""


class WarmModels:
    """The models of a process that runs benchmarks, the one used last at the end.

    Args:
        budget: GiB that this process may take with models that are not in use; half of the memory of the machine, or
            of the device, when not given.
    """

    def __init__(self, budget: float | None) -> None:
        self._budget = budget
        self._models: OrderedDict[str, Any] = OrderedDict()

    @contextmanager
    def models(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The model of a benchmark over one model, loaded if it was; nothing for a benchmark over several, which loads
        and unloads each in turn. A model whose files have changed is not the one that was loaded."""
        if len(names) != 1:
            self._drop_all()
            yield {}
            return
        name = names[0]
        opened = self._open(name)
        for other in [other for other in self._models if other != name and self._taken() > self._allowed()]:
            self._drop(other)
        if opened is not None:
            self._models[name] = opened
            self._models.move_to_end(name)
        try:
            yield {} if opened is None else {name: opened}
        finally:
            while self._models and self._taken() > self._allowed():
                self._drop(next(iter(self._models)))

    def _open(self, name: str) -> Any:
        """The model that is warm, or a new one; ``None`` when it cannot be opened: the engine then says why."""
        from vid_diffusion_bench.models import ServedModel, get_model

        try:
            fresh = get_model(name)
            if isinstance(fresh, ServedModel):
                return None
            warm = self._models.get(name)
            if warm is not None and warm.identity() == fresh.identity():
                return warm
        except VidBenchError:
            fresh = None
        if name in self._models:
            self._drop(name)
        return fresh

    def _drop(self, name: str) -> None:
        self._models.pop(name).unload()

    def _drop_all(self) -> None:
        while self._models:
            self._drop(next(iter(self._models)))

    def _taken(self) -> float:
        """GiB: of this process, or of its tensors on a GPU, whichever is more."""
        import psutil
        import torch

        on_gpu = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
        return float(max(psutil.Process().memory_info().rss, on_gpu)) / GIB

    def _allowed(self) -> float:
        import psutil
        import torch

        if self._budget is not None:
            return self._budget
        total = psutil.virtual_memory().total
        if torch.cuda.is_available():
            total = torch.cuda.get_device_properties(0).total_memory
        return float(SHARE * total / GIB)
