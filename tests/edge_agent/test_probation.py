import pytest

from edge_agent.probation import MIN_ROWS_OF_LATENCY, Probation, ProbationRules

RULES = ProbationRules(rows=200, seconds=60.0, max_latency_ns=1000.0)


def observe(probation: Probation, rows: int, latency_ns: int = 10, *, finite: bool = True, nan: bool = False) -> None:
    for _ in range(rows):
        probation.observe(latency_ns=latency_ns, is_finite_row=finite, is_nan_score=nan)


def test_passes_after_enough_rows() -> None:
    probation = Probation(RULES, began_s=0.0)
    observe(probation, 199)
    assert not probation.has_passed(1.0)
    observe(probation, 1)
    assert probation.has_passed(1.0)


def test_passes_after_enough_time_even_without_rows() -> None:
    probation = Probation(RULES, began_s=100.0)
    assert not probation.has_passed(159.9)
    assert probation.has_passed(160.0)


@pytest.mark.parametrize(("finite", "fails"), [(True, True), (False, False)])
def test_nan_for_a_finite_row_is_a_fault_and_for_a_missing_value_is_not(*, finite: bool, fails: bool) -> None:
    probation = Probation(RULES, began_s=0.0)
    observe(probation, 1, finite=finite, nan=True)
    assert (probation.fault is not None) == fails
    assert probation.has_passed(60.0) != fails


def test_a_median_beyond_the_budget_is_a_fault() -> None:
    probation = Probation(RULES, began_s=0.0)
    observe(probation, MIN_ROWS_OF_LATENCY // 2, latency_ns=1001)
    observe(probation, MIN_ROWS_OF_LATENCY // 2, latency_ns=1000)
    assert probation.fault is None
    observe(probation, 1, latency_ns=1001)
    assert probation.fault is not None
    assert probation.fault.reason_code == "probation_latency"


def test_the_first_fault_is_told() -> None:
    probation = Probation(RULES, began_s=0.0)
    probation.observe_error("overflow")
    observe(probation, 1, nan=True)
    assert probation.fault is not None
    assert (probation.fault.reason_code, probation.fault.detail) == ("probation_scoring_error", "overflow")
