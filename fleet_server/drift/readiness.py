"""When a window may be judged: told by event time alone, never by the clock.

A device's watermark is the start of its latest window. Its windows come in order, so a
window is complete for a device when its watermark has passed it. A window is judged once
all but a twentieth of the devices have passed it: the few that lag behind are judged when they
come, against what the fleet had in common then, which is kept.

A device that is ``GRACE_WINDOWS`` or more behind the front is silent: nobody waits for it. The
front is where the third of the foremost devices is: a device or two whose clock runs
ahead cannot make the others look silent. A device that has gone over to another model is
waited for under that one alone, and a revoked one not at all.

Source: Akidau et al., The Dataflow Model, 2015, doi:10.14778/2824032.2824076.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

GRACE_WINDOWS: Final = 24
LAGGING_SHARE: Final = 0.05
"""Of the devices that are waited for; in a fleet of fewer than twenty it is nobody."""
_FOREMOST: Final = 3

Watermarks = NDArray[np.int64]


def front_ms(watermarks_ms: Watermarks) -> int:
    """Return how far the fleet has come.

    Args:
        watermarks_ms: (n,), of all devices with the model; at least one.
    """
    n = len(watermarks_ms)
    place = _FOREMOST if n > _FOREMOST else 1  # so few are never judged against each other
    return int(np.partition(watermarks_ms, n - place)[n - place])


def is_silent(watermarks_ms: Watermarks, front: int, window_ms: int) -> NDArray[np.bool_]:
    """Tell which devices have fallen silent.

    Args:
        watermarks_ms: (n,).
        front: What ``front_ms`` gave.
        window_ms: The length of a window, in milliseconds.
    """
    silent: NDArray[np.bool_] = watermarks_ms <= front - GRACE_WINDOWS * window_ms
    return silent


def is_ready(start_ms: int, window_ms: int, watermarks_ms: Watermarks) -> bool:
    """Tell whether enough of the devices that are waited for have passed this window.

    Args:
        start_ms: Of the window.
        window_ms: Its length.
        watermarks_ms: (n,), of all devices that have the model; none once all have left it.
    """
    if not len(watermarks_ms):
        return True
    waited = ~is_silent(watermarks_ms, front_ms(watermarks_ms), window_ms)
    lagging = waited & (watermarks_ms <= start_ms)
    return bool(lagging.sum() <= LAGGING_SHARE * waited.sum())
