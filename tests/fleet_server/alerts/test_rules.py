import pytest

from fleet_server.alerts.backoff import ATTEMPTS, LONGEST_RETRY_MS, retry_ms
from fleet_server.alerts.rules import CloseAlert, OpenAlert, decide


@pytest.mark.parametrize(
    ("kind", "severity", "expected"),
    [("peers", 1.1, "warning"), ("peers", 3.0, "critical"), ("training", 9.0, "information")],
)
def test_drift_opens_an_alert(kind: str, severity: float, expected: str) -> None:
    decision = decide(kind, "drift", severity, ["t"], "It drifts.")
    assert decision == OpenAlert(expected, ["t"], "It drifts.")  # type: ignore[arg-type]


def test_only_stability_closes_one() -> None:
    assert decide("peers", "stable", 0.1, [], "All is well.") == CloseAlert("All is well.")
    assert decide("peers", "no_data", 0.0, [], "") is None
    assert decide("peers", "learning", 0.0, [], "") is None


def test_retries_wait_longer_each_time_and_end() -> None:
    waits = [retry_ms(attempts) for attempts in range(1, ATTEMPTS)]
    assert waits[:4] == [5_000, 10_000, 20_000, 40_000]
    assert max(wait or 0 for wait in waits) == LONGEST_RETRY_MS
    assert retry_ms(ATTEMPTS) is None
