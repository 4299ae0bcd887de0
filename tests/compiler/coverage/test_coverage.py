"""The coverage page agrees with a run, and covers what it must."""

from functools import cache

import pytest

from tests.compiler.coverage.estimators import CASES
from tests.compiler.coverage.measurement import Coverage, measure
from tests.compiler.coverage.page import PAGE, line, page


@cache
def measured(name: str) -> Coverage:
    return measure(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_page_tells_what_becomes_of_an_estimator(name: str) -> None:
    coverage = measured(name)
    assert line(name, coverage) in PAGE.read_text().splitlines(), "run make coverage"
    assert coverage.difference is None or coverage.difference <= coverage.allowed


def test_the_page_has_a_line_for_each_estimator_and_tells_their_share() -> None:
    text = PAGE.read_text()
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith("| ") and not row.startswith("| estimator")]
    table = {row[0][2:]: Coverage(row[2] == "yes", 0.0 if row[3] == "yes" else None, "") for row in rows}
    assert list(table) == list(dict.fromkeys(table))
    assert set(table) == set(CASES)
    assert page(table).splitlines()[2] == text.splitlines()[2]
