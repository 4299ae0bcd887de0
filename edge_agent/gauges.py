"""What goes into a window's report beside its rows: the application's metrics, and what the agent used."""

import math
import resource
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from device_contract.errors import shown
from device_contract.sketches.metrics import MAX_METRIC_NAME, MAX_METRICS, MetricSketch, observe
from device_contract.sketches.resources import Resources
from edge_agent.counters import Counters

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"
"""Makes the peak what the process holds now (Linux, proc(5))."""


class Gauges:
    """Metrics and resources since the last window; from any thread.

    Args:
        counters: Where values that cannot be kept are counted.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._lock = threading.Lock()
        self._metrics: dict[str, MetricSketch] = {}
        self._cpu_ns = time.process_time_ns()

    def observe(self, name: str, value: float) -> None:
        """Count a value of a metric; what is no finite number, or one name too many, is counted as refused."""
        with self._lock:
            reason = _refusal(self._metrics, name, value)
            if reason:
                self._counters.add("metrics_refused", f"{shown(name, 80)}: {reason}")
            else:
                self._metrics[name] = observe(self._metrics.get(name, MetricSketch()), float(value))

    def take(self) -> tuple[Mapping[str, MetricSketch], Resources]:
        """Return the metrics by name, and what was used, since the last time."""
        with self._lock:
            metrics, self._metrics = dict(sorted(self._metrics.items())), {}
            before_ns, self._cpu_ns = self._cpu_ns, time.process_time_ns()
            return metrics, Resources(cpu_ns=self._cpu_ns - before_ns, peak_rss_bytes=_take_peak_bytes())


def _refusal(metrics: Mapping[str, MetricSketch], name: str, value: float) -> str:
    try:
        is_finite = isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number that no float64 holds
        is_finite = False
    if not is_finite:
        return f"{shown(value)} is no finite number"
    if not isinstance(name, str) or not 0 < len(name.encode("utf-8", "replace")) <= MAX_METRIC_NAME:
        return f"a name has 1 to {MAX_METRIC_NAME} bytes"
    return "" if name in metrics or len(metrics) < MAX_METRICS else f"a window has at most {MAX_METRICS} metrics"


def _take_peak_bytes() -> int:
    """Return the most memory held since the last call; since the start, where the kernel cannot begin anew."""
    try:
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        peak_bytes = 1024 * int(line.split()[1])
        _CLEAR.write_text(_RESET_PEAK)
    except (OSError, StopIteration, ValueError):
        peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_bytes
