"""Fleets whose rows are simulated one by one: autocorrelated, correlated, heavy-tailed, seasonal.

Each device has its own series of ``features`` values, which goes on from window to window:

    value = tail(own series) + device offset + season of the hour + weather of the fleet

A third of the features have heavy tails; each is a first-order autoregressive series, whose
innovations share a factor with those of the other features of its block; the weather walks
slowly and is the same for all. The rows of a window are worked through in time, all devices
and features at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.faults import Outbreak
from benchmarks.drift.training import reference_of
from detectors import Reference, WindowArrays
from detectors.windows import checked, empty_tables

Floats = NDArray[np.float32]
_CELL: Final = 1.0 / 128.0
_REACH: Final = 12.0
"""Values are binned by cells of that width, up to that far out: the bins' edges lie between cells."""
_BLOCK: Final = 16
"""Rows that are worked through together."""
_HEAVY: Final = 0.12
"""Weight of the cube in a heavy-tailed value; its kurtosis is then about 15."""


@dataclass(frozen=True)
class World:
    """How the fleet behaves.

    Attributes:
        devices: How many.
        features: How many.
        correlations: Lag-1 correlations of the series; each feature of each device has one of them.
        fewest_rows: Of a window; the number is log-uniform.
        most_rows: Of a window.
        offset: Standard deviation of the devices' means.
        season: Amplitude of the day's course.
        windows_a_day: 1 where a window spans the day.
        own_season: By how much that amplitude differs between devices (standard deviation, relative).
        weather: Standard deviation of the weather's steps from window to window.
        shared: Share of the innovations' variance that a block of six features has in common.
        heavy: Share of the features with heavy tails.
    """

    devices: int
    features: int
    correlations: tuple[float, ...] = (0.0, 0.3, 0.6, 0.8, 0.9, 0.97)
    fewest_rows: int = 200
    most_rows: int = 2000
    offset: float = 0.15
    season: float = 0.3
    windows_a_day: int = 1
    own_season: float = 0.1
    weather: float = 0.05
    shared: float = 0.4
    heavy: float = 1.0 / 3.0


class RowFleet:
    """A fleet that makes one window after the other.

    Args:
        world: How it behaves.
        seed: Of all its draws.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._numbers = np.random.default_rng(seed)
        shape = (world.devices, world.features)
        self._rho = self._numbers.choice(np.float32(world.correlations), shape)
        self._offset = (self._numbers.normal(size=shape) * world.offset).astype(np.float32)
        self._amplitude = (world.season * (1.0 + world.own_season * self._numbers.normal(size=shape))).astype(
            np.float32
        )
        self._hour = (2.0 * np.pi * self._numbers.uniform(0.0, 1.0, world.features)).astype(np.float32)
        self._cube = np.where(np.arange(world.features) < world.heavy * world.features, _HEAVY, 0.0).astype(np.float32)
        self._unit = np.float32(1.0 / np.sqrt(1.0 + 6.0 * self._cube + 15.0 * self._cube**2))
        self._series = self._numbers.normal(size=shape).astype(np.float32)
        self._weather = np.zeros(world.features, np.float32)
        self.reference = self._train(seed)
        self._bins = _bin_table(self.reference)

    def windows(self, count: int, outbreaks: Sequence[Outbreak] = ()) -> Iterator[WindowArrays]:
        """Make windows, one after the other."""
        for window in range(count):
            yield self._window(window, [outbreak for outbreak in outbreaks if window >= outbreak.since])

    def _train(self, seed: int) -> Reference:
        """Lay out the baseline of a sample without season, offsets or autocorrelation."""
        numbers = np.random.default_rng((seed, 7))
        sample = self._with_tails(numbers.normal(size=(20_000, self._world.features)).astype(np.float32))
        sample = np.round(sample / _CELL) * np.float32(_CELL)  # edges between cells: bins are then exact
        return reference_of(sample)

    def _with_tails(self, series: Floats) -> Floats:
        return series * (1.0 + self._cube * (series * series)) * self._unit

    def _window(self, window: int, outbreaks: Sequence[Outbreak]) -> WindowArrays:
        world, numbers = self._world, self._numbers
        low, high = np.log(world.fewest_rows), np.log(world.most_rows)
        rows = np.sort(np.exp(numbers.uniform(low, high, world.devices)).astype(np.int64))[::-1]
        order = numbers.permutation(world.devices)  # the devices with most rows first: those at work are a slice
        self._weather = 0.95 * self._weather + np.float32(world.weather) * numbers.normal(size=world.features)
        level = self._offset + self._weather
        shift, gain = _changes(outbreaks, level.shape)
        sums = _Sums(self.reference, world.devices, self._bins)
        for first in range(0, int(rows[0]), _BLOCK):
            at_work = order[: np.count_nonzero(rows > first)]
            values = self._rows(at_work) + level[at_work].astype(np.float32)
            values += self._season(window, at_work, first, rows)
            if outbreaks:
                values = values * gain[at_work] + shift[at_work]
            counting = np.arange(first, first + _BLOCK)[:, None] < rows[: len(at_work)]
            sums.take(at_work, values, counting)
        counts = np.empty_like(rows)
        counts[order] = rows
        return sums.window(counts, window % world.windows_a_day)

    def _season(self, window: int, devices: NDArray[np.intp], first: int, rows: NDArray[np.int64]) -> Floats:
        """Return the day's course at a block of rows, (rows, devices, features)."""
        passed = np.minimum((np.arange(first, first + _BLOCK)[:, None] + 0.5) / rows[: len(devices)], 1.0)
        day = 2.0 * np.pi * (((window + passed) / self._world.windows_a_day) % 1.0)[:, :, None]
        sine, cosine = np.sin(day).astype(np.float32), np.cos(day).astype(np.float32)
        course: Floats = sine * (self._amplitude[devices] * np.cos(self._hour))
        course -= cosine * (self._amplitude[devices] * np.sin(self._hour))
        return course

    def _rows(self, devices: NDArray[np.intp]) -> Floats:
        """Go on with the series of some devices for a block, (rows, devices, features)."""
        shape = (_BLOCK, len(devices), self._world.features)
        blocks = -(-self._world.features // 6)
        shared = self._numbers.standard_normal((*shape[:2], blocks), np.float32).repeat(6, axis=2)[..., : shape[2]]
        series = self._numbers.standard_normal(shape, np.float32) * np.float32(np.sqrt(1.0 - self._world.shared))
        series += shared * np.float32(np.sqrt(self._world.shared))
        rho = self._rho[devices]
        series *= np.sqrt(1.0 - rho**2)
        before = self._series[devices]
        for step in range(_BLOCK):
            series[step] += rho * before
            before = series[step]
        self._series[devices] = before
        return self._with_tails(series)


def _changes(outbreaks: Sequence[Outbreak], shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return what is added to each stream and what it is multiplied with, (devices, S) each."""
    shift, gain = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for outbreak in outbreaks:
        shift[outbreak.devices[:, None], outbreak.streams] += outbreak.fault.shift
        gain[outbreak.devices[:, None], outbreak.streams] *= outbreak.fault.gain
    return shift, gain


class _Sums:
    """The sums of one window of all devices, as a device keeps them."""

    def __init__(self, reference: Reference, devices: int, bins: NDArray[np.int64]) -> None:
        shape = (devices, reference.n_streams)
        self._bins = bins
        self._reference = reference
        self._width = reference.bins.size
        self._counts = np.zeros((devices, *reference.bins.shape), np.int64)
        self._sum, self._squares, self._products = (np.zeros(shape) for _ in range(3))
        self._last = np.zeros(shape, np.float32)

    def take(self, devices: NDArray[np.intp], values: Floats, counting: NDArray[np.bool_]) -> None:
        """Take in a block of rows.

        Args:
            devices: (n,).
            values: (rows, n, S).
            counting: (rows, n): which of them belong to the window.
        """
        cells = np.clip(values + _REACH, 0.0, 2.0 * _REACH - _CELL)
        cells *= np.float32(1.0 / _CELL)
        at = cells.astype(np.intp)
        at += np.arange(at.shape[2]) * self._bins.shape[1]
        at = self._bins.ravel()[at]
        at += (np.arange(len(devices)) * self._width)[:, None]
        beyond = len(devices) * self._width
        if not counting.all():
            at[~counting] = beyond
            values = values * counting[:, :, None]
        counts = np.bincount(at.ravel(), minlength=beyond + 1)[:beyond]
        self._counts[devices] += counts.reshape(len(devices), *self._counts.shape[1:])
        held = values
        self._sum[devices] += held.sum(axis=0)
        self._squares[devices] += np.einsum("rns,rns->ns", held, held)
        self._products[devices] += np.einsum("rns,rns->ns", held[1:], held[:-1]) + held[0] * self._last[devices]
        self._last[devices] = held[-1]

    def window(self, rows: NDArray[np.int64], phase: int) -> WindowArrays:
        """Return the window, of devices with so many rows."""
        n = rows[:, None].astype(np.float64)
        mean = self._sum / n
        variance = self._squares / n - mean**2
        lag1 = np.clip((self._products / (n - 1.0) - mean**2) / variance, -1.0, 1.0)
        zero = np.zeros_like(mean)
        table = np.stack([zero, zero, zero, zero, mean, np.sqrt(variance), lag1], axis=2)
        ids = [(f"device-{number:05}", "all", "1") for number in range(len(rows))]
        tables = empty_tables(self._reference, np.array(ids))
        counts = self._counts.astype(np.float32)
        return checked(replace(tables, rows=rows.astype(np.float32), counts=counts, streams=table), phase)


def _bin_table(reference: Reference) -> NDArray[np.int64]:
    """Return the bin of each cell of each stream, (S, cells), counted on over the streams."""
    cells = np.arange(-_REACH, _REACH, _CELL)
    bins = np.array([np.searchsorted(edges, cells, side="right") for edges in reference.edges])
    return bins + reference.bins.shape[1] * np.arange(reference.n_streams)[:, None]
