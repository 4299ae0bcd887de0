from fleet_server.drift.readiness import GRACE_WINDOWS, front_ms, is_ready, is_silent

DAY = 86_400_000


def test_waits_until_every_device_has_passed_the_window() -> None:
    assert not is_ready(5 * DAY, DAY, {"a": 6 * DAY, "b": 5 * DAY})
    assert is_ready(5 * DAY, DAY, {"a": 6 * DAY, "b": 7 * DAY})


def test_waits_for_nobody_who_is_silent() -> None:
    watermarks = {"a": (5 + GRACE_WINDOWS) * DAY, "b": 5 * DAY}
    assert is_silent(5 * DAY, front_ms(watermarks), DAY)
    assert is_ready(5 * DAY, DAY, watermarks)
    assert is_ready(9 * DAY, DAY, watermarks)
    assert not is_ready(9 * DAY, DAY, {"a": (4 + GRACE_WINDOWS) * DAY, "b": 5 * DAY})


def test_the_foremost_device_waits_for_its_own_next_window() -> None:
    assert not is_ready(5 * DAY, DAY, {"a": 5 * DAY})
    assert is_ready(4 * DAY, DAY, {"a": 5 * DAY})


def test_two_clocks_that_run_ahead_silence_nobody() -> None:
    ahead = {"a": 900 * DAY, "b": 901 * DAY, "c": 6 * DAY, "d": 5 * DAY, "e": 6 * DAY}
    assert front_ms(ahead) == 6 * DAY
    assert not is_silent(5 * DAY, front_ms(ahead), DAY)
    assert not is_ready(5 * DAY, DAY, ahead)
    assert is_ready(4 * DAY, DAY, ahead)
