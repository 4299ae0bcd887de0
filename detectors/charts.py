"""The charts that a baseline has: a column for each channel of each stream.

Arrays over charts are ``(n, K)``, channel after channel, within a channel in the order of
the streams. The first ``n_measured`` columns are measured channels, which have a value and
a sampling variance; the others are counted ones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.arrays import Bools, Floats, Names
from detectors.counted import CHANNELS as COUNTED
from detectors.counted import N_TAILS
from detectors.reference import Reference

MEASURED: Final = ("location", "scale")
ONE_SIDED: Final = frozenset({"repeats", "out_of_range"})
"""Channels that alarm on more only: fewer repeated values are no fault."""


@dataclass(frozen=True, eq=False)
class Charts:
    """Names the columns."""

    streams: tuple[str, ...]
    """The streams' names."""
    channel: Names
    """(K,): each column's channel."""
    stream: NDArray[np.intp]
    """(K,): each column's stream, as its place in ``streams``."""
    output: Bools
    """(K,): whether the stream is an output of the model."""
    measured: Bools
    """(K,)."""
    steady: Bools
    """(K,): which differ between healthy devices no more than sampling and offsets explain: all
    but the tails, whose rare rows an offset multiplies. The others are not compared with peers."""
    lowest: Floats
    """(K,): below which a chart does not fall: 0 for a one-sided one, else minus infinity."""

    @property
    def n_charts(self) -> int:
        """K."""
        return len(self.channel)

    @property
    def n_measured(self) -> int:
        """How many of the columns are measured; they come first."""
        return int(self.measured.sum())

    def column(self, stream: str, channel: str) -> int:
        """Return the column of a stream's channel."""
        return (*MEASURED, *COUNTED).index(channel) * len(self.streams) + self.streams.index(stream)


def charts_of(reference: Reference) -> Charts:
    """Return the charts of a baseline."""
    channels = (*MEASURED, *COUNTED)
    stream = np.tile(np.arange(reference.n_streams), len(channels))
    channel = np.repeat(np.array(channels), reference.n_streams)
    return Charts(
        streams=reference.names,
        channel=channel,
        stream=stream,
        output=stream >= reference.n_features,
        measured=np.isin(channel, MEASURED),
        steady=~np.isin(channel, COUNTED[:N_TAILS]),
        lowest=np.where(np.isin(channel, list(ONE_SIDED)), 0.0, -np.inf),
    )
