"""The coverage page agrees with a run, and covers what it must."""

from functools import cache

import pytest

from tests.compiler.coverage.estimators import CASES
from tests.compiler.coverage.measurement import Coverage, measure
from tests.compiler.coverage.page import PAGE, line, page, share

REQUIRED_SHARE = 0.9


@cache
def measured(name: str) -> Coverage:
    return measure(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_page_tells_what_becomes_of_an_estimator(name: str) -> None:
    coverage = measured(name)
    assert line(name, coverage) in PAGE.read_text().splitlines(), "run make coverage"
    assert coverage.difference is None or coverage.difference <= coverage.allowed


def told() -> dict[str, Coverage]:
    rows = [row.split(" | ") for row in PAGE.read_text().splitlines() if row.startswith("| ")][1:]
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0][2:]: Coverage(row[2] == "yes", 0.0 if row[3] == "yes" else None, "") for row in rows}


def test_the_page_has_a_line_for_each_estimator_and_tells_their_share() -> None:
    assert set(told()) == set(CASES)
    assert page(told()).splitlines()[:16] == PAGE.read_text().splitlines()[:16]


def test_nine_of_ten_estimators_that_can_run_on_a_device_have_a_plan() -> None:
    planned, counted = share({name: each for name, each in told().items() if CASES[name].kind != "composition"})
    assert planned >= REQUIRED_SHARE * counted
    assert all(each.difference is not None for name, each in told().items() if CASES[name].kind == "composition")
