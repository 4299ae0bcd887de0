"""When a window may be judged: told by event time alone, never by the clock.

A device's watermark is the start of its latest window. Its windows come in order, so a
window is complete for a device when its watermark has passed it. A device that is
``GRACE_WINDOWS`` or more behind the front is silent: nobody waits for it. When it comes
back, its late windows are judged against what its peers reported then.

The front is where the third of the foremost devices is: a device or two whose clock runs
ahead cannot make the others look silent.

Source: Akidau et al., The Dataflow Model, 2015, doi:10.14778/2824032.2824076.
"""

from collections.abc import Mapping

from fleet_server.drift.peers import MINIMUM_PEERS

GRACE_WINDOWS = 24


def front_ms(watermarks_ms: Mapping[str, int]) -> int:
    """Return how far the fleet has come.

    Args:
        watermarks_ms: Of all devices with the model, by device; at least one.
    """
    foremost = sorted(watermarks_ms.values(), reverse=True)
    enough = len(foremost) > MINIMUM_PEERS  # fewer are never judged against each other
    return foremost[MINIMUM_PEERS - 1 if enough else 0]


def is_silent(watermark_ms: int, front: int, window_ms: int) -> bool:
    """Tell whether a device with this watermark has fallen silent.

    Args:
        watermark_ms: The device's own watermark.
        front: What ``front_ms`` gave.
        window_ms: The length of a window, in milliseconds.
    """
    return watermark_ms <= front - GRACE_WINDOWS * window_ms


def is_ready(start_ms: int, window_ms: int, watermarks_ms: Mapping[str, int]) -> bool:
    """Tell whether every device that is waited for has passed this window."""
    front = front_ms(watermarks_ms)
    return all(
        watermark_ms > start_ms or is_silent(watermark_ms, front, window_ms) for watermark_ms in watermarks_ms.values()
    )
