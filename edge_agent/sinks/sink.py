"""What a sink is, and what it is given."""

from typing import NamedTuple, Protocol

from device_contract.manifest import Label


class ScoredRow(NamedTuple):
    """What the champion says of a row.

    Attributes:
        row: The row's number on this device: what a label names it by.
        time_ms: Its event time, if it came with one.
        outputs: The model's outputs, in the order of the manifest.
        label: The most probable label of a classifier (the first of equals); None for a regression.
    """

    row: int
    time_ms: int | None
    outputs: tuple[float, ...]
    label: Label | None


class Sink(Protocol):
    """Where scores go; the shadow's do not."""

    def write(self, scored: ScoredRow) -> None:
        """Write one row's score."""
