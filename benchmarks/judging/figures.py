"""What judging a window cost, as it is kept in ``benchmarks/results/judging.json``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

INTAKE: Final = ("ingest", "take in")
"""Parts that come with the reports, whenever they come."""
JUDGING: Final = ("read", "decode", "load", "judge", "pack", "store", "verdicts", "records", "rest")
"""Parts of judging a window once its reports are there."""


class Cost(msgspec.Struct, frozen=True):
    """One window of one fleet on one database.

    Attributes:
        database: ``sqlite`` or ``postgresql``.
        window_ms: The length of the window.
        devices: How many.
        parts: Seconds of the server process's processor time, by part.
        database_seconds: Of PostgreSQL's processes for the parts of judging and ``take in``; 0 for SQLite, which
            is in the server's own.
        elapsed: Seconds by the clock for the same.
        memory_bytes: The most that the process held.
    """

    database: str
    window_ms: int
    devices: int
    parts: Mapping[str, float]
    database_seconds: float
    elapsed: float
    memory_bytes: int

    @property
    def judging(self) -> float:
        """Seconds of the server's processor time to judge the window."""
        return sum(self.parts[part] for part in JUDGING)


class Run(msgspec.Struct, frozen=True):
    """All of it."""

    machine: str
    versions: Mapping[str, str]
    load: float
    """Processes that ran or waited on the machine while it was measured, on average."""
    costs: tuple[Cost, ...]


def write(path: Path, run: Run) -> None:
    """Keep a run."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
