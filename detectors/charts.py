"""The charts that a baseline has: a column for each channel of each stream, and some for all features together.

Arrays over charts are ``(n, K)``: first the measured channels, which have a value and a
sampling variance, then the counted ones, then those that compare vectors. Within a channel
the columns are in the order of the streams.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.arrays import Bools, Floats, Indices, Names
from detectors.counted import CHANNELS as COUNTED
from detectors.counted import N_TAILS
from detectors.reference import Reference
from detectors.tolerances import Tolerances

BY_STREAM: Final = ("location", "scale")
"""Measured channels of each stream."""
TOGETHER: Final = ("t2", "q", "attribution")
"""Measured channels of all features together."""
ALL_FEATURES: Final = "*"
"""The name that stands for the stream where a chart is of all features together."""
_ONE_SIDED: Final = ("repeats", "out_of_range", "attribution", "shape", "relations")
"""Channels that alarm on more only: fewer repeated values are no fault."""


@dataclass(frozen=True, eq=False)
class Charts:
    """Names the columns."""

    streams: tuple[str, ...]
    """The streams' names, and ``ALL_FEATURES``."""
    n_streams: int
    n_pairs: int
    """Pairs of features whose correlation is watched."""
    n_bins: int
    """Bins of the stream that has the most."""
    channel: Names
    """(K,): each column's channel."""
    stream: Indices
    """(K,): each column's stream, as its place in ``streams``."""
    output: Bools
    """(K,): whether it tells of the model's outputs."""
    n_measured: int
    """How many of the columns are measured; they come first."""
    n_counted: int
    """How many are counted; they come next."""
    steady: Bools
    """(K,): which differ between healthy devices by sampling and offsets alone, and so are compared
    with peers: not the tails, whose rare rows an offset multiplies, and not vectors."""
    lowest: Floats
    """(K,): below which a chart does not fall: 0 for a one-sided one, else minus infinity."""

    @property
    def n_charts(self) -> int:
        """K."""
        return len(self.channel)

    def column(self, stream: str, channel: str) -> int:
        """Return the column of a stream's channel."""
        found = (self.channel == channel) & (self.stream == self.streams.index(stream))
        return int(np.flatnonzero(found)[0])

    def any_of_stream(self, charts: Bools) -> Bools:
        """Tell for each stream (n, S) whether any of its own charts (n, K) is meant."""
        s, m, c = self.n_streams, self.n_measured, self.n_counted
        found = charts[:, :s].copy()
        for first in (*range(s, s * len(BY_STREAM), s), *range(m, m + c + s, s)):
            found |= charts[:, first : first + s]
        return found

    def tolerances(self, tolerances: Tolerances) -> Floats:
        """Return each chart's tolerance, (K,)."""
        return np.array([getattr(tolerances, channel) for channel in self.channel.tolist()], np.float32)


def charts_of(reference: Reference) -> Charts:
    """Return the charts of a baseline."""
    streams = range(reference.n_streams)
    together = len(streams)
    columns = [(channel, stream) for channel in BY_STREAM for stream in streams]
    columns += [(channel, together) for channel in TOGETHER]
    columns += [(channel, stream) for channel in COUNTED for stream in streams]
    columns += [("shape", stream) for stream in streams] + [("relations", together)]
    channel = np.array([name for name, _ in columns])
    stream = np.array([place for _, place in columns], np.intp)
    n_measured = len(BY_STREAM) * len(streams) + len(TOGETHER)
    is_output = (stream >= reference.n_features) & (stream < together)
    return Charts(
        streams=(*reference.names, ALL_FEATURES),
        n_streams=len(streams),
        n_pairs=len(reference.correlations),
        n_bins=reference.bins.shape[1],
        channel=channel,
        stream=stream,
        output=is_output | (channel == "attribution"),
        n_measured=n_measured,
        n_counted=len(COUNTED) * len(streams),
        steady=~np.isin(channel, [*COUNTED[:N_TAILS], "shape", "relations"]),
        lowest=np.where(np.isin(channel, _ONE_SIDED), 0.0, -np.inf).astype(np.float32),
    )
