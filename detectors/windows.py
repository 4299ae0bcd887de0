"""One window of many devices as arrays: what every channel reads.

``stack`` and ``stack_encoded`` (``detectors.stacking``) make it from summaries. A device whose
counts cannot be true is not judged: ``sound`` is false for it, and ``reasons`` says why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools, Floats, Names
from detectors.reference import Reference

NO_ROWS: Final = "no rows"
UNTRUE: Final = "counts do not add up"
WILD: Final = "moments are not numbers"
_ROUNDED: Final = 1e-6
"""What float32 may take from a count, as a part of it."""
_ONE: Final = 1.0 + _ROUNDED
"""What float32 may make of a whole."""
_HUGE: Final = 1e150
"""Sums beyond it have no square."""
STREAM_COLUMNS: Final = ("lost", "out_of_range", "broken", "repeats", "mean", "deviation", "lag1")


@dataclass(frozen=True, eq=False)
class WindowArrays:
    """A window of ``n`` devices, all counted with one baseline of ``S`` streams of at most ``B`` bins.

    Counts are float32, exact up to 2**24 rows a window, and rounded beyond.
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
    mean: Floats
    """(n, S): in the stream's unit; 0 without a finite value."""
    deviation: Floats
    """(n, S): standard deviation, in the stream's unit."""
    lag1: Floats
    """(n, S): correlation of neighbouring rows."""
    projected: Floats
    """(n, 5): rows with a T2 and a Q, the sums of T2, of its square, of Q and of its square."""
    explained: Floats
    """(n,): rows whose scores were explained."""
    attributions: Floats
    """(n, features): sums of their absolute contributions over those rows."""
    related_rows: Floats
    """(n,): rows in the correlations; 0 in windows that bring none."""
    correlations: Floats
    """(n, P): of the reference's pairs of features."""
    sound: Bools
    """(n,): whether the counts can be true and there is a row."""
    reasons: Names
    """(n,): why a device is not judged; empty where ``sound``."""
    phase: int = 0
    """Of the season: how many windows after its start, less than ``State.phases``."""

    @cached_property
    def finite(self) -> Floats:
        """(n, S): finite values."""
        return over_bins(self.counts)

    def select(self, index: NDArray[np.intp]) -> "WindowArrays":
        """Return the window of some of the devices."""
        chosen: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return WindowArrays(**{name: value if name == "phase" else value[index] for name, value in chosen.items()})


def over_bins(values: Floats) -> Floats:
    """Return sums over the bins, (n, S, B) -> (n, S): as a product, ten times as fast as a sum over so few."""
    total: Floats = values @ np.ones(values.shape[2], np.float32)
    return total


def weighted(values: Floats, weights: Floats | Bools) -> Floats:
    """Return weighted sums over the bins, (n, S, B) and (S, B) -> (n, S)."""
    total: Floats = np.einsum("nsb,sb->ns", values, weights.astype(np.float32), optimize=True)  # twice as fast so
    return total


@dataclass(frozen=True, eq=False)
class Tables:
    """A window of ``n`` devices as it is laid out before it is checked."""

    names: Names
    """(n, 3): each device's id, group and version."""
    rows: Floats
    """(n,)."""
    counts: Floats
    """(n, S, B)."""
    streams: Floats
    """(n, S, 7): the ``STREAM_COLUMNS``."""
    projected: Floats
    """(n, 5); so are the others of ``WindowArrays``."""
    explained: Floats
    attributions: Floats
    related_rows: Floats
    correlations: Floats
    faults: Sequence[str]
    """(n,): why a summary could not be read; else empty."""


def empty_tables(reference: Reference, names: Names) -> Tables:
    """Return room for the window of these devices, (n, 3): id, group and version."""
    n, (streams, bins) = len(names), reference.bins.shape
    return Tables(
        names=names,
        rows=np.zeros(n, np.float32),
        counts=np.zeros((n, streams, bins), np.float32),
        streams=np.zeros((n, streams, len(STREAM_COLUMNS))),
        projected=np.zeros((n, 5)),
        explained=np.zeros(n),
        attributions=np.zeros((n, reference.n_features)),
        related_rows=np.zeros(n),
        correlations=np.zeros((n, len(reference.correlations)), np.float32),
        faults=[""] * n,
    )


def checked(tables: Tables, phase: int = 0) -> WindowArrays:
    """Check the tables of a window, and name their columns.

    Args:
        tables: Laid out.
        phase: Of the season.
    """
    reasons = _reasons(tables)
    tables = _without(tables, reasons != "")
    integers = tables.streams[..., :4].astype(np.float32)
    return WindowArrays(
        devices=tables.names[:, 0],
        groups=tables.names[:, 1],
        versions=tables.names[:, 2],
        rows=tables.rows,
        counts=tables.counts,
        lost=integers[..., 0],
        out_of_range=integers[..., 1],
        broken=integers[..., 2],
        repeats=integers[..., 3],
        mean=tables.streams[..., 4],
        deviation=tables.streams[..., 5],
        lag1=tables.streams[..., 6].astype(np.float32),
        projected=tables.projected,
        explained=tables.explained,
        attributions=tables.attributions,
        related_rows=tables.related_rows,
        correlations=tables.correlations,
        sound=reasons == "",
        reasons=reasons,
        phase=phase,
    )


def _without(tables: Tables, unsound: Bools) -> Tables:
    """Return the tables with nothing in the rows of some devices: what cannot be true is not computed with."""
    if not unsound.any():
        return tables
    arrays = {field.name: getattr(tables, field.name).copy() for field in fields(tables) if field.name in _NUMBERS}
    for values in arrays.values():
        values[unsound] = 0
    return replace(tables, **arrays)


_NUMBERS: Final = frozenset(
    {"rows", "counts", "streams", "projected", "explained", "attributions", "related_rows", "correlations"}
)


def _reasons(tables: Tables) -> Names:
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is found here
        untrue, wild = _are_untrue(tables), _are_wild(tables)
    faults = np.asarray(tables.faults, np.str_)
    return np.select([faults != "", tables.rows <= 0, untrue, wild], [faults, NO_ROWS, UNTRUE, WILD], "")


def _are_untrue(tables: Tables) -> Bools:
    """Tell of which devices the counts do not add up, (n,); a count that is NaN does not."""
    counts, rows, integers = tables.counts, tables.rows, tables.streams[..., :4]
    finite = over_bins(counts)
    likely = np.isfinite(rows) & (counts >= 0.0).all(axis=(1, 2)) & (integers >= 0.0).all(axis=(1, 2))
    likely &= (np.abs(finite + integers[..., 0] - rows[:, None]) <= _ROUNDED * rows[:, None]).all(axis=1)
    likely &= (integers[..., 1:4].max(axis=2) <= _ONE * finite).all(axis=1)
    untrue: Bools = ~likely
    return untrue


def _are_wild(tables: Tables) -> Bools:
    """Tell of which devices a moment is no number, or none that can be, (n,)."""
    rows = np.stack([tables.explained, tables.related_rows], axis=1)
    beside = np.concatenate([tables.projected, tables.attributions, rows], axis=1)
    likely = np.isfinite(tables.streams[..., 4:]).all(axis=(1, 2)) & (np.abs(beside) <= _HUGE).all(axis=1)
    likely &= (np.abs(tables.streams[..., 6]) <= _ONE).all(axis=1) & (np.abs(tables.correlations) <= _ONE).all(axis=1)
    wild: Bools = ~likely
    return wild
