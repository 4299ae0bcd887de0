"""One window of many devices as arrays: what every channel reads.

``stack`` makes it from decoded summaries. A device whose counts cannot be true is not
judged: ``sound`` is false for it, and ``reasons`` says why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools, Floats, Names
from detectors.reference import Reference
from device_contract.sketches.stream import StreamSketch
from device_contract.sketches.summary import WindowSummary

NO_ROWS: Final = "no rows"
UNTRUE: Final = "counts do not add up"
WILD: Final = "moments are not numbers"


@dataclass(frozen=True, eq=False)
class WindowArrays:
    """A window of ``n`` devices, all counted with one baseline of ``S`` streams of at most ``B`` bins.

    Counts are float32, exact up to 2**24 rows a window.
    """

    devices: Names
    """(n,): their ids, each once."""
    versions: Names
    """(n,): the version of the model that made the outputs."""
    groups: Names
    """(n,): each device's group; those of one group are peers."""
    rows: Floats
    """(n,)."""
    counts: Floats
    """(n, S, B): finite values in each bin, 0 in bins that the stream does not have."""
    lost: Floats
    """(n, S): values that were NaN or infinite."""
    out_of_range: Floats
    """(n, S): finite values beyond the schema's range, or out of category."""
    broken: Floats
    """(n, S): finite values without a finite one before them: where runs of lost values ended."""
    repeats: Floats
    """(n, S): finite values that equal the one before."""
    longest_run: Floats
    """(n, S): rows of the longest run of one value."""
    mean: Floats
    """(n, S): in the stream's unit; 0 without a finite value."""
    deviation: Floats
    """(n, S): standard deviation, in the stream's unit."""
    lag1: Floats
    """(n, S): correlation of neighbouring rows."""
    sound: Bools
    """(n,): whether the counts can be true and there is a row."""
    reasons: Names
    """(n,): why a device is not judged; empty where ``sound``."""
    phase: int = 0
    """Of the season: how many windows after its start, less than ``State.phases``."""

    @property
    def finite(self) -> Floats:
        """(n, S): finite values."""
        total: Floats = self.counts.sum(axis=2)
        return total

    def select(self, index: NDArray[np.intp]) -> "WindowArrays":
        """Return the window of some of the devices."""
        chosen: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return WindowArrays(**{name: value if name == "phase" else value[index] for name, value in chosen.items()})


@dataclass(frozen=True)
class DeviceWindow:
    """What one device says of one window."""

    device: str
    group: str
    """Devices of one group are peers."""
    version: str
    """Of the model that made the outputs."""
    summary: WindowSummary


def stack(reference: Reference, windows: Sequence[DeviceWindow], phase: int = 0) -> WindowArrays:
    """Lay out one window of many devices.

    Args:
        reference: Of the baseline that they were counted with.
        windows: Each device once.
        phase: Of the season.
    """
    n, streams, bins = len(windows), reference.n_streams, reference.bins.shape[1]
    counts = np.zeros((n, streams, bins), np.float32)
    table = np.zeros((n, streams, 8))
    for row, window in enumerate(windows):
        for column, sketch in enumerate(window.summary.streams):
            counts[row, column, : len(sketch.counts)] = sketch.counts
            table[row, column] = _columns(sketch)
    rows = np.array([window.summary.rows for window in windows], np.float32)
    names = [(window.device, window.group, window.version) for window in windows]
    return from_tables(np.array(names, np.str_).reshape(n, 3), rows, counts, table, phase)


def _columns(sketch: StreamSketch) -> tuple[float, ...]:
    finite = sketch.finite
    return (
        sketch.missing + sketch.infinite,
        sketch.out_of_range,
        finite - sketch.lag_pairs,
        sketch.repeats,
        sketch.longest_run,
        sketch.mean if finite else 0.0,
        math.sqrt(sketch.variance) if finite else 0.0,
        sketch.lag1_correlation,
    )


def from_tables(names: Names, rows: Floats, counts: Floats, table: Floats, phase: int = 0) -> WindowArrays:
    """Check and name the columns of a window that is already laid out.

    Args:
        names: (n, 3): each device's id, group and version.
        rows: (n,) rows in the window.
        counts: (n, S, B) finite values in each bin.
        table: (n, S, 8): lost, out of range, broken, repeats, longest run, mean, deviation, lag-1 correlation.
        phase: Of the season.
    """
    integers = table[..., :5].astype(np.float32)
    reasons = _reasons(rows, counts, integers, table)
    return WindowArrays(
        devices=names[:, 0],
        groups=names[:, 1],
        versions=names[:, 2],
        rows=rows,
        counts=counts,
        lost=integers[..., 0],
        out_of_range=integers[..., 1],
        broken=integers[..., 2],
        repeats=integers[..., 3],
        longest_run=integers[..., 4],
        mean=table[..., 5],
        deviation=table[..., 6],
        lag1=table[..., 7],
        sound=reasons == "",
        reasons=reasons,
        phase=phase,
    )


def _reasons(rows: Floats, counts: Floats, integers: Floats, table: Floats) -> Names:
    finite = counts.sum(axis=2)
    untrue = (counts < 0).any(axis=(1, 2)) | (integers < 0).any(axis=(1, 2))
    untrue |= (finite + integers[..., 0] != rows[:, None]).any(axis=1)
    untrue |= (integers[..., 1:4].max(axis=2) > finite).any(axis=1)
    wild = ~np.isfinite(table[..., 5:]).all(axis=(1, 2))
    return np.select([rows <= 0, untrue, wild], [NO_ROWS, UNTRUE, WILD], "")
