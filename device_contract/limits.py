"""The levels of the drift detectors, calibrated by simulation when the bundle was compiled."""

import math
from typing import Annotated

import msgspec

from device_contract.errors import SketchError
from device_contract.messages import Text


class Limits(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What level gives how many false alarms, by family of channels; ``device`` is all of a device's together."""

    rates: Annotated[tuple[float, ...], msgspec.Meta(max_length=64)]
    """False alarms of a device without drift in a window; descending."""
    families: Annotated[tuple[Text, ...], msgspec.Meta(max_length=64)]
    """Names of the families."""
    levels: Annotated[tuple[tuple[float, ...], ...], msgspec.Meta(max_length=64)]
    """For each family the level of each rate."""


def check_limits(limits: Limits) -> None:
    """Refuse a table that contradicts itself.

    Raises:
        SketchError: It does.
    """
    if len(limits.levels) != len(limits.families) or any(len(row) != len(limits.rates) for row in limits.levels):
        raise SketchError("the levels do not fit their rates and families")
    if not all(map(math.isfinite, (*limits.rates, *(level for row in limits.levels for level in row)))):
        raise SketchError("a level is not a number")
