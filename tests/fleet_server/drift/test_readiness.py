from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleet_server.drift.readiness import GRACE_WINDOWS, front_ms, is_ready, is_silent

DAY = 86_400_000


def days(*watermarks: int) -> NDArray[Any]:
    return np.array(watermarks, np.int64) * DAY


def test_waits_until_every_device_of_a_small_fleet_has_passed_the_window() -> None:
    assert not is_ready(5 * DAY, DAY, days(6, 5))
    assert is_ready(5 * DAY, DAY, days(6, 7))


def test_a_twentieth_of_a_large_fleet_may_lag() -> None:
    assert is_ready(5 * DAY, DAY, days(*[6] * 38, 5, 5))
    assert not is_ready(5 * DAY, DAY, days(*[6] * 37, 5, 5, 5))


def test_waits_for_nobody_who_is_silent() -> None:
    watermarks = days(5 + GRACE_WINDOWS, 5)
    assert is_silent(watermarks, front_ms(watermarks), DAY).tolist() == [False, True]
    assert is_ready(5 * DAY, DAY, watermarks)
    assert is_ready(9 * DAY, DAY, watermarks)
    assert not is_ready(9 * DAY, DAY, days(4 + GRACE_WINDOWS, 5))


def test_the_foremost_device_waits_for_its_own_next_window() -> None:
    assert not is_ready(5 * DAY, DAY, days(5))
    assert is_ready(4 * DAY, DAY, days(5))


def test_two_clocks_that_run_ahead_silence_nobody() -> None:
    ahead = days(900, 901, 6, 5, 6)
    assert front_ms(ahead) == 6 * DAY
    assert not is_silent(ahead, front_ms(ahead), DAY).any()
    assert not is_ready(5 * DAY, DAY, ahead)
    assert is_ready(4 * DAY, DAY, ahead)
