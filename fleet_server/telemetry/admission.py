"""Which reports are worth storing: those that can be read again later.

A refused report is acknowledged all the same. It is as wrong tomorrow as today: without
the acknowledgement the device would send it for ever, and behind it nothing would move.
That holds for a report of a bundle that this server does not know, too: a device holds
only bundles that were published here, so its bundle is gone and will not come back.
"""

from typing import Protocol

from device_contract.baseline import Baseline
from device_contract.errors import SketchError
from device_contract.messages import Report
from device_contract.sketches import SummaryReader
from fleet_server.telemetry.refusals import Refusal

MAX_AHEAD_MS = 24 * 3_600_000
"""A window that ends later than a day from now comes from a clock that is wrong."""


class Bundles(Protocol):
    """Finds the bundle, and the baseline, that a report was made against."""

    def origin(self, sha256: str) -> tuple[str, str, str] | None:
        """Return the model, the version and the baseline's digest of a published bundle."""

    def baseline(self, sha256: str) -> Baseline | None:
        """Return a baseline by its own digest."""


def refusal(report: Report, bundles: Bundles, now_ms: int) -> Refusal | None:
    """Return why a report is refused, or None if it is sound."""
    if report.window_end_ms <= report.window_start_ms:
        return Refusal("empty_window")
    if report.window_end_ms > now_ms + MAX_AHEAD_MS:
        return Refusal("future_window", f"it ends {(report.window_end_ms - now_ms) / 1000:.0f} s from now")
    origin = bundles.origin(report.bundle_sha256)
    if origin is None or (baseline := bundles.baseline(origin[2])) is None:
        return Refusal("unknown_bundle", f"bundle {report.bundle_sha256[:12]}")
    if origin != (report.model, report.version, report.baseline_sha256):
        return Refusal("wrong_bundle", f"its bundle is {origin[0]} {origin[1]} with baseline {origin[2][:12]}")
    return _summary_refusal(report, baseline)


def _summary_refusal(report: Report, baseline: Baseline) -> Refusal | None:
    try:
        rows = SummaryReader(baseline).rows(report.summary)
    except SketchError as error:
        return Refusal("malformed_summary", str(error))
    if rows != report.rows:
        return Refusal("wrong_rows", f"{report.rows} rows in the report, {rows} in its statistics")
    return None
