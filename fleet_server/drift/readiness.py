"""When a window may be judged: told by event time alone, never by the clock.

A device's watermark is the start of its latest window. Its windows come in order, so a
window is complete for a device when its watermark has passed it. A device that is
``GRACE_WINDOWS`` or more behind the foremost is silent: nobody waits for it. When it comes
back, its late windows are judged against what its peers reported then.

Source: Akidau et al., The Dataflow Model, 2015, doi:10.14778/2824032.2824076.
"""

from collections.abc import Mapping

GRACE_WINDOWS = 24


def is_silent(watermark_ms: int, watermarks_ms: Mapping[str, int], window_ms: int) -> bool:
    """Tell whether a device with this watermark has fallen silent.

    Args:
        watermark_ms: The device's own watermark.
        watermarks_ms: Of all devices with the model, by device.
        window_ms: The length of a window, in milliseconds.
    """
    return watermark_ms <= max(watermarks_ms.values()) - GRACE_WINDOWS * window_ms


def is_ready(start_ms: int, window_ms: int, watermarks_ms: Mapping[str, int]) -> bool:
    """Tell whether every device that is waited for has passed this window."""
    return all(
        watermark_ms > start_ms or is_silent(watermark_ms, watermarks_ms, window_ms)
        for watermark_ms in watermarks_ms.values()
    )
