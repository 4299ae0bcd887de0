"""A large fleet's reports, as its devices would send them."""

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compiler.baseline import build_baseline
from device_contract.baseline import DAY_MS, encode_baseline
from device_contract.manifest import Feature, Output
from device_contract.messages import Report
from device_contract.sketches import RowSummarizer, encode_summary

FEATURES: Final = 30
MODEL: Final = "pump"
HOUR_MS: Final = 3_600_000
START_MS: Final = 19_700 * DAY_MS
_CAUSES: Final = 6
_TRAINING_ROWS: Final = 20_000
_DRAWN: Final = 1_000
"""Windows that are drawn for each round; devices share them, since what a window says does not change its cost."""
_ROWS: Final = (100, 300)
_OFFSET: Final = 0.15
"""Standard deviation of a drawn window's place among the devices'."""

Rows = NDArray[np.float32]


class Fleet:
    """Devices with one model of 30 features that move together, and one output.

    Args:
        devices: How many.
        window_ms: The length of their windows. Those of a day bring the co-moments of the features,
            which a device sends once a day.
    """

    def __init__(self, devices: int, window_ms: int) -> None:
        self.devices = devices
        self.window_ms = window_ms
        self._numbers = np.random.default_rng(2026)
        self._loadings = self._numbers.normal(size=(_CAUSES, FEATURES)).astype(np.float32)
        sample = self._draw(_TRAINING_ROWS)
        features = tuple(Feature(name=f"sensor-{number:02}") for number in range(FEATURES))
        self.baseline = build_baseline(features, (Output(name="load"),), sample, _loads(sample))
        self.baseline_sha256 = hashlib.sha256(encode_baseline(self.baseline)).hexdigest()

    def round(self, number: int) -> Iterator[Report]:
        """Yield each device's report of one window."""
        drawn = [self._window() for _ in range(_DRAWN)]
        start_ms = START_MS + number * self.window_ms
        for device in range(self.devices):
            rows, summary = drawn[device % _DRAWN]
            yield Report(
                device_id=f"device-{device:06}",
                boot_id="0123456789abcdef",
                sequence=number + 1,
                slot="champion",
                model=MODEL,
                version="1",
                bundle_sha256=self.baseline_sha256,
                baseline_sha256=self.baseline_sha256,
                window_start_ms=start_ms,
                window_end_ms=start_ms + self.window_ms,
                merged_windows=1,
                rows=rows,
                summary=summary,
            )

    def _window(self) -> tuple[int, bytes]:
        rows = self._draw(int(self._numbers.integers(*_ROWS)))
        rows += self._numbers.normal(0.0, _OFFSET, FEATURES).astype(np.float32)
        summarizer = RowSummarizer(self.baseline)
        for row, load in zip(rows, _loads(rows), strict=True):
            summarizer.update(row, load)
        summary = summarizer.take(with_comoments=self.window_ms == DAY_MS)
        return len(rows), encode_summary(summary, self.baseline)

    def _draw(self, rows: int) -> Rows:
        moved = self._numbers.standard_normal((rows, _CAUSES), np.float32) @ self._loadings
        return moved + self._numbers.standard_normal((rows, FEATURES), np.float32)


def _loads(rows: Rows) -> NDArray[np.float64]:
    return np.ascontiguousarray(rows.astype(np.float64).sum(axis=1, keepdims=True))
