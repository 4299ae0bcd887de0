"""What goes beside the rows: the application's metrics, and what the agent used."""

import math
from typing import Any

import pytest

from device_contract.sketches.metrics import MAX_METRICS
from edge_agent.counters import Counters
from edge_agent.gauges import Gauges


@pytest.fixture
def counters() -> Counters:
    return Counters(lambda: 0.0)


def test_metrics_are_summed_by_name_and_begin_anew(counters: Counters) -> None:
    gauges = Gauges(counters)
    for value in (1, 2.5, -4.0):
        gauges.observe("parts", value)
    gauges.observe("alarms", True)
    metrics, _ = gauges.take()
    assert list(metrics) == ["alarms", "parts"]
    parts = metrics["parts"]
    assert (parts.count, parts.sum, parts.sum_squares, parts.minimum, parts.maximum) == (3, -0.5, 23.25, -4.0, 2.5)
    assert gauges.take()[0] == {}
    assert counters.snapshot() == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("parts", math.nan),
        ("parts", math.inf),
        ("parts", 10**400),
        pytest.param("parts", 10**5000, id="an enormous value"),
        pytest.param(10**5000, 1.0, id="an enormous name"),
        ("parts", "many"),
        ("parts", None),
        ("", 1.0),
        ("x" * 65, 1.0),
        ("ü" * 33, 1.0),
        (7, 1.0),
    ],
)
def test_what_cannot_be_summed_is_counted(counters: Counters, name: Any, value: Any) -> None:
    gauges = Gauges(counters)
    gauges.observe(name, value)
    assert (gauges.take()[0], counters.snapshot()) == ({}, {"metrics_refused": 1})


def test_a_window_has_so_many_metrics_and_no_more(counters: Counters) -> None:
    gauges = Gauges(counters)
    for number in range(MAX_METRICS + 3):
        gauges.observe(f"metric {number}", 1.0)
    gauges.observe("metric 0", 1.0)
    metrics, _ = gauges.take()
    assert (len(metrics), metrics["metric 0"].count) == (MAX_METRICS, 2)
    assert counters.snapshot() == {"metrics_refused": 3}


def test_processor_time_and_the_peak_of_memory_are_those_of_the_window(counters: Counters) -> None:
    gauges = Gauges(counters)
    gauges.take()
    block = b"x" * (64 << 20)
    size = len(block)
    del block
    busy = gauges.take()[1]
    idle = gauges.take()[1]
    assert busy.peak_rss_bytes >= size
    assert busy.peak_rss_bytes - idle.peak_rss_bytes > size // 2
    assert 0 <= idle.cpu_ns < 10**12
