"""Probation: what a new bundle must show before it is committed. Pure.

It passes after ``rows`` rows or ``seconds`` seconds without fault. Faults: the model
raises an error; it gives nothing but NaN for a row whose features are all finite; more
than half of the rows take longer than the profile's budget. (The budget is for the 99th
percentile, which the compiler has tested; here the device may be busy with other work,
so only a median beyond the budget is held against the model.)
"""

from dataclasses import dataclass
from typing import Final

MIN_ROWS_OF_LATENCY: Final = 100


@dataclass(frozen=True)
class ProbationRules:
    """When a probation ends.

    Attributes:
        rows: Rows without fault that suffice.
        seconds: Time without fault that suffices.
        max_latency_ns: The profile's budget for one row.
    """

    rows: int
    seconds: float
    max_latency_ns: float


@dataclass(frozen=True)
class Fault:
    """Why a probation failed: a code of ``edge_agent.refusals.REFUSALS`` and the figures."""

    reason_code: str
    detail: str


class Probation:
    """Watches one activation.

    Args:
        rules: When it ends.
        began_s: Monotonic seconds.
    """

    def __init__(self, rules: ProbationRules, began_s: float) -> None:
        self._rules = rules
        self._began_s = began_s
        self._rows = 0
        self._slow_rows = 0
        self.fault: Fault | None = None

    def observe(self, *, latency_ns: int, is_finite_row: bool, is_nan_score: bool) -> None:
        """Take note of a scored row."""
        self._rows += 1
        self._slow_rows += latency_ns > self._rules.max_latency_ns
        if is_finite_row and is_nan_score:
            self._blame("probation_nan", f"only NaN for a finite row, the {self._rows}th on probation")
        elif self._rows >= MIN_ROWS_OF_LATENCY and 2 * self._slow_rows > self._rows:
            budget_us = self._rules.max_latency_ns / 1000
            self._blame("probation_latency", f"{self._slow_rows} of {self._rows} rows took over {budget_us:g} us")

    def observe_error(self, detail: str) -> None:
        """Take note of a row for which the model raised an error."""
        self._blame("probation_scoring_error", detail)

    def has_passed(self, now_s: float) -> bool:
        """Tell whether the bundle has shown enough."""
        is_enough = self._rows >= self._rules.rows or now_s - self._began_s >= self._rules.seconds
        return self.fault is None and is_enough

    def _blame(self, reason_code: str, detail: str) -> None:
        if self.fault is None:
            self.fault = Fault(reason_code, detail)
