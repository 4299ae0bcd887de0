"""The control chart that turns a series of window statistics into an alarm.

An exponentially weighted moving average gathers small shifts over several windows. It
alarms at ``LEVEL`` times its own standard deviation, and goes quiet again only below half
of that, so that a value at the border does not flicker. Each step is limited to
``STEP_LIMIT`` thresholds: one wild window can never alarm by itself, it takes three.

``LEVEL`` is calibrated by simulation (``docs/guides/drift.md`` has the table).

Source: Lucas and Saccucci, Exponentially weighted moving average control schemes, 1990,
    doi:10.1080/00401706.1990.10484583.
"""

import math

import msgspec

WEIGHT = 0.1
LEVEL = 6.0
STEP_LIMIT = 4.0
"""Between 1 / (1 - (1 - WEIGHT)**3) = 3.7 and 1 / (1 - (1 - WEIGHT)**2) = 5.3: three windows."""
SPREAD = math.sqrt(WEIGHT / (2.0 - WEIGHT))
"""Standard deviation of the average of independent values of standard deviation 1."""


class Chart(msgspec.Struct, frozen=True, array_like=True):
    """The state of one chart."""

    value: float = 0.0
    """The moving average."""
    threshold: float = 1.0
    """The alarm threshold of the last step."""
    alarmed: bool = False

    @property
    def severity(self) -> float:
        """How far the average is towards the alarm; 1 is at the threshold."""
        return abs(self.value) / self.threshold


def step(chart: Chart, value: float, threshold: float = LEVEL * SPREAD, *, signed: bool = True) -> Chart:
    """Take in one window.

    Args:
        chart: The state before.
        value: The window's statistic; 0 is expected, infinities are limited like any other.
        threshold: Where the moving average alarms, above 0; the default is for a statistic of
            standard deviation 1.
        signed: Whether low values alarm too; if not, the average does not fall below 0.
    """
    limit = STEP_LIMIT * threshold
    average = chart.value + WEIGHT * (min(max(value, -limit), limit) - chart.value)
    if not signed:
        average = max(average, 0.0)
    boundary = threshold / 2.0 if chart.alarmed else threshold
    return Chart(average, threshold, abs(average) > boundary)
