"""The verdict against peers: has this device parted from its like?

For each stream the peers' median is taken from the device's mean in the same window, which
removes weather, season and time of day. What is left is compared to the device's own past:
its first ``LEARNING_WINDOWS`` windows, whose median and median absolute deviation bear a
few bad windows. A site that always differs a little is thus no alarm; a sensor that starts
to differ is.

The chart runs on the difference in training standard deviations. Its threshold adds the
noise of the moving average, the uncertainty of what was learned, and the tolerance: an
alarm means a shift that is both surely there and large enough to matter.
"""

import math
from collections.abc import Mapping
from statistics import median
from typing import Literal

import msgspec

from fleet_server.drift.channels import TOLERANCE
from fleet_server.drift.chart import LEVEL, SPREAD, Chart, step
from fleet_server.drift.verdict import Finding

LEARNING_WINDOWS = 28
"""Windows from which a device's own past is learned: four weeks of days."""
MINIMUM_PEERS = 3
"""With two, one broken peer moves the median half the way and the healthy device is blamed."""
RECENT_WINDOWS = 3
_MAD_TO_DEVIATION = 1.4826
_NOISE = LEVEL * math.sqrt(SPREAD**2 + math.pi / 2.0 / LEARNING_WINDOWS)  # pi/2: variance of a median


class StreamValue(msgspec.Struct, frozen=True, array_like=True):
    """One device's stream in one window."""

    count: int
    """Finite values."""
    mean: float


class PeerState(msgspec.Struct, frozen=True, array_like=True):
    """What is kept of one stream of a device."""

    learned: tuple[float, ...] = ()
    """Differences to the peers' median in the first windows, in the stream's unit."""
    chart: Chart = Chart()
    windows: int = 0
    recent: tuple[float, ...] = ()
    """The newest differences. Their median tells the size of a shift: the chart lags behind it."""

    @property
    def is_learning(self) -> bool:
        """Whether the own past is still too short."""
        return len(self.learned) < LEARNING_WINDOWS


def difference(device_id: str, values: Mapping[str, StreamValue]) -> float | None:
    """Return a device's mean less the median of its peers' means.

    Devices with less than half as many values as the fullest are left out: the mean of a
    morning is no match for that of a day.

    Args:
        device_id: The device to judge.
        values: The same stream in the same window, by device.

    Returns:
        The difference in the stream's unit; ``None`` if the device or enough peers are missing.
    """
    fullest = max((value.count for value in values.values()), default=0)
    means = {name: value.mean for name, value in values.items() if 2 * value.count >= fullest > 0}
    own = means.pop(device_id, None)
    if own is None or len(means) < MINIMUM_PEERS:
        return None
    return own - median(means.values())


def take_difference(state: PeerState, value: float, deviation: float) -> PeerState:
    """Take in the next window of a stream.

    Args:
        state: The state before.
        value: What ``difference`` gave.
        deviation: The stream's standard deviation in training, above 0.
    """
    windows, recent = state.windows + 1, (*state.recent, value)[-RECENT_WINDOWS:]
    if state.is_learning:
        return PeerState((*state.learned, value), state.chart, windows, recent)
    centre, noise = _own_past(state.learned)
    threshold = TOLERANCE + _NOISE * noise / deviation
    return PeerState(state.learned, step(state.chart, (value - centre) / deviation, threshold), windows, recent)


def finding(name: str, role: Literal["feature", "output"], state: PeerState) -> Finding:
    """Tell how a stream stands."""
    centre, noise = _own_past(state.learned) if state.learned else (0.0, 0.0)
    return Finding(
        name=name,
        role=role,
        drifts=state.chart.alarmed,
        severity=state.chart.severity if not state.is_learning else 0.0,
        shift=median(state.recent) - centre if state.recent else 0.0,
        evidence={
            "value": state.chart.value,
            "threshold": state.chart.threshold,
            "drifts": state.chart.alarmed,
            "windows": state.windows,
            "learning": state.is_learning,
            "usual_difference": centre,
            "usual_deviation": noise,
        },
    )


def _own_past(learned: tuple[float, ...]) -> tuple[float, float]:
    """Return the median and the robust standard deviation of the learned differences."""
    centre = median(learned)
    return centre, _MAD_TO_DEVIATION * median(abs(value - centre) for value in learned)
