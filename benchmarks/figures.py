"""What a run measures, as it is kept in ``benchmarks/results/scoring.json``; the page is made of it."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

BATCHES = (64, 1024, 65_536)


class Scored(msgspec.Struct, frozen=True):
    """One contender on one model.

    Attributes:
        scorer: The contender.
        row_us: One row, microseconds.
        rows_per_s: By the size of the batch.
        max_difference: Largest difference from the training library's scores.
        mismatches: Rows with another label than the training library's; None of a regression.
    """

    scorer: str
    row_us: float
    rows_per_s: Mapping[int, float]
    max_difference: float
    mismatches: int | None


class Absent(msgspec.Struct, frozen=True):
    """A contender that does not take the model, and why."""

    scorer: str
    reason: str


class Measured(msgspec.Struct, frozen=True):
    """All contenders on one model, measured in turns in one process.

    Attributes:
        letter: The model's short name.
        reference: Whose scores the others are compared with.
        scored: The contenders that were measured.
        absent: Those that were not.
    """

    letter: str
    reference: str
    scored: tuple[Scored, ...]
    absent: tuple[Absent, ...]


class Run(msgspec.Struct, frozen=True):
    """A results page's content.

    Attributes:
        machine: Processor, system and Python.
        versions: Of the packages that took part.
        models: By letter.
    """

    machine: str
    versions: Mapping[str, str]
    models: Mapping[str, Measured]


def read(path: Path) -> Run | None:
    """Read what an earlier run kept, if there was one."""
    return msgspec.json.decode(path.read_bytes(), type=Run) if path.exists() else None


def write(path: Path, run: Run) -> None:
    """Keep a run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")
