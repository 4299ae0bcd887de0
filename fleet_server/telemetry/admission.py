"""Which reports are worth storing: those that can be read again later.

A refused report is acknowledged all the same. It is as wrong tomorrow as today: without
the acknowledgement the device would send it for ever, and behind it nothing would move.
That holds for a report of a baseline that this server does not know, too: a device holds
only bundles that were published here, so its bundle is gone and will not come back.
"""

from typing import Protocol

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.messages import Report
from device_contract.sketches import decode_summary

MAX_AHEAD_MS = 24 * 3_600_000
"""A window that ends later than a day from now comes from a clock that is wrong."""


class Baselines(Protocol):
    """Finds the baseline that a report was made against."""

    def baseline(self, sha256: str) -> Baseline | None:
        """Return a baseline by its own digest."""


def refusal(report: Report, baselines: Baselines, now_ms: int) -> str | None:
    """Return why a report is refused, as a stable word, or None if it is sound."""
    if report.window_end_ms <= report.window_start_ms:
        return "empty_window"
    if report.window_end_ms > now_ms + MAX_AHEAD_MS:
        return "future_window"
    baseline = baselines.baseline(report.baseline_sha256)
    if baseline is None:
        return "unknown_baseline"
    try:
        summary = decode_summary(report.summary, baseline)
    except SketchError:
        return "malformed_summary"
    return None if summary.rows == report.rows else "wrong_rows"
