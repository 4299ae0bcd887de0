"""Sums of many windows, kept apart by what intervals rest on: devices, windows or rows.

Devices if there are enough of them, else their windows, else rows alone (``intervals``). So
that a large fleet costs no more memory than a small one, devices and windows are dealt into
``MAX_UNITS`` random groups.

Source: the random group method, Wolter, Introduction to variance estimation, 2007, chapter 2.
"""

import zlib
from typing import Final, Literal, NamedTuple

import numpy as np

from fleet_server.feedback.intervals import MIN_UNITS, Floats

MAX_UNITS: Final = 200

Unit = Literal["devices", "windows", "rows"]


class Source(NamedTuple):
    """The window that sums are of."""

    device_id: str
    start_ms: int
    end_ms: int


class Units:
    """Sums by unit.

    Args:
        size: How many sums there are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._devices: set[str] = set()
        self._by_device: dict[int, Floats] = {}
        self._by_window: dict[int, Floats] = {}

    def of(self, source: Source) -> tuple[Floats, Floats]:
        """Return the two vectors to which the sums of a window are to be added."""
        self._devices.add(source.device_id)
        return self._at(self._by_device, source.device_id), self._at(self._by_window, repr(source))

    @property
    def unit(self) -> Unit:
        """What intervals rest on."""
        if len(self._devices) >= MIN_UNITS and len(self._by_device) >= MIN_UNITS:
            return "devices"
        return "windows" if len(self._by_window) >= MIN_UNITS else "rows"

    def stack(self) -> Floats:
        """Return the sums, (n_units, ``size``); one unit of zeros if there are none."""
        parts = list((self._by_device if self.unit == "devices" else self._by_window).values())
        stacked = np.stack(parts) if parts else np.zeros((1, self._size))
        return stacked if self.unit != "rows" else stacked.sum(axis=0, keepdims=True)

    def _at(self, units: dict[int, Floats], name: str) -> Floats:
        return units.setdefault(zlib.crc32(name.encode()) % MAX_UNITS, np.zeros(self._size))
