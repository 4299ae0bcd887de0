"""Which samples are stored: those that are sound, and that the device may send at this moment; pure.

Leave that was withdrawn counts from then on, for what was drawn before as well. A refused
sample is acknowledged all the same, for it is as wrong tomorrow as today.
"""

import math
import struct
from collections.abc import Callable

from device_contract.assignment import SamplingPolicy
from device_contract.manifest import Manifest
from device_contract.samples import Sample, SampledRow

MAX_AHEAD_MS = 24 * 3_600_000
"""A window that ends later than a day from now comes from a clock that is wrong."""


def refusal(sample: Sample, manifest: Manifest | None, allowed: SamplingPolicy | None, now_ms: int) -> str | None:
    """Return why a sample is refused, as a stable word, or None if it is stored.

    Args:
        sample: What came.
        manifest: Of the bundle that it names, if that was published here.
        allowed: What the device may send.
        now_ms: Unix milliseconds.
    """
    if allowed is None:
        return "not_allowed"
    if manifest is None:
        return "unknown_bundle"
    checks: dict[str, Callable[[], bool]] = {
        "wrong_bundle": lambda: (manifest.model, manifest.version) == (sample.model, sample.version),
        "wrong_window": lambda: sample.window_start_ms < sample.window_end_ms <= now_ms + MAX_AHEAD_MS,
        "wrong_rows": lambda: 0 < len(sample.rows) <= min(sample.rows_seen, allowed.rows_per_window),
        "wrong_width": lambda: all(_has_widths(row, manifest) for row in sample.rows),
        "not_redacted": lambda: _is_redacted(sample, manifest, allowed),
    }
    return next((reason for reason, holds in checks.items() if not holds()), None)


def _has_widths(row: SampledRow, manifest: Manifest) -> bool:
    n_features, n_outputs = len(manifest.features), len(manifest.outputs)
    widths = (len(row.values), len(row.outputs)) == (4 * n_features, 8 * n_outputs)
    return widths and len(row.contributions) % (4 * n_features) == 0


def _is_redacted(sample: Sample, manifest: Manifest, allowed: SamplingPolicy) -> bool:
    withheld = set(allowed.redacted)
    places = [4 * place for place, feature in enumerate(manifest.features) if feature.name in withheld]
    values = (struct.unpack_from("<f", row.values, place)[0] for row in sample.rows for place in places)
    return all(map(math.isnan, values))
