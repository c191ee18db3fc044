"""All looks at one server, none of them taken more often than is of use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vid_diffusion_bench.database import Database
from vid_diffusion_bench.monitoring.alerts import Facts, Finding, look
from vid_diffusion_bench.monitoring.load import Load, read_load
from vid_diffusion_bench.monitoring.probes import Probe, probe_all
from vid_diffusion_bench.monitoring.recent import Recent
from vid_diffusion_bench.monitoring.system import System, read_system
from vid_diffusion_bench.monitoring.traffic import Traffic

KEPT_SECONDS: Final = 1.0
"""How long a look is good for: anybody may ask for health, and asking writes a file."""


class Monitor:
    """Looks at a server.

    Args:
        database: Of the server.
        data_root: Its folder.
        seconds: How long a look is kept.
    """

    def __init__(self, database: Database, data_root: Path, seconds: float = KEPT_SECONDS) -> None:
        self.traffic = Traffic()
        self._health = Recent(lambda: probe_all(database, data_root), seconds)
        self._load = Recent(lambda: read_load(database), seconds)
        self._system = Recent(lambda: read_system(data_root), seconds)

    def health(self) -> dict[str, Probe]:
        """Every part by name."""
        return self._health.get()

    def load(self) -> Load:
        """The queue.

        Raises:
            StorageError: The database is away.
        """
        return self._load.get()

    def system(self) -> System:
        """This machine."""
        return self._system.get()

    def alerts(self) -> list[Finding]:
        """What every rule finds.

        Raises:
            StorageError: The database is away.
        """
        return look(Facts(self.system(), self.load(), self.traffic.recent()))
