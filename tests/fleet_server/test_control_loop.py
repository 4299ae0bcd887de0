"""The control loop goes on, whatever a step does."""

import logging
import threading

import pytest
from prometheus_client import CollectorRegistry, Counter

from fleet_server.control_loop import ControlLoop


def failures(registry: CollectorRegistry) -> Counter:
    return Counter("leeway_control_failures", "Failures.", ["step"], registry=registry)


def test_a_failing_step_is_counted_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    broken = [True]

    def fail() -> None:
        if broken[0]:
            raise RuntimeError("no")
        done.append("mended")

    registry = CollectorRegistry()
    loop = ControlLoop({"first": fail, "second": lambda: done.append("second")}, tick_s=1, failures=failures(registry))
    with caplog.at_level(logging.INFO):
        loop.run_round()
        loop.run_round()
        broken[0] = False
        loop.run_round()
    assert done == ["second", "second", "mended", "second"]
    assert registry.get_sample_value("leeway_control_failures_total", {"step": "first"}) == 2
    assert [record.message for record in caplog.records] == [
        "step first fails; it will be tried again",
        "step first works again",
    ]


def test_it_runs_until_it_is_stopped() -> None:
    ran = threading.Event()
    loop = ControlLoop({"only": ran.set}, tick_s=0.01, failures=failures(CollectorRegistry()))
    loop.start()
    assert ran.wait(10)
    loop.stop()
    assert not loop._thread.is_alive()
