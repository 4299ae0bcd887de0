"""What a rule does with readings: a table of cases, and laws."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.alerts.language import Rule
from fleet_server.alerts.rules import Outcome, Value, Watch, due_ms, holds, ripen, severity, take

STEP_MS = 60_000


def rule(**fields: object) -> Rule:
    return Rule(name="r", signal="s", **fields)  # type: ignore[arg-type]


def outcomes(of: Rule, values: Sequence[Value], *, start_ms: int = 0) -> list[Outcome]:
    """Take values in, one a minute, each of a window of its own."""
    watch: Watch | None = None
    found: list[Outcome] = []
    for number, value in enumerate(values):
        watch, outcome = take(of, watch, value, start_ms + number * STEP_MS, number)
        found.append(outcome)
    return found


@pytest.mark.parametrize(
    ("of", "values", "expected"),
    [
        (rule(above=5), [5, 6, 7, 5], ["nothing", "open", "held", "close"]),
        (rule(below=0.9), [0.9, 0.8, 0.91], ["nothing", "open", "close"]),
        (rule(equals="failed"), ["idle", "failed", "failed", "idle"], ["nothing", "open", "held", "close"]),
        (rule(equals=0), [1, 0, 1], ["nothing", "open", "close"]),
        (rule(above=5, clear=3), [6, 4, 5, 3, 4], ["open", "held", "held", "close", "nothing"]),
        (rule(below=5, clear=7), [4, 6, 7, 6], ["open", "held", "close", "nothing"]),
        (rule(above=5, windows=3), [6, 6, 5, 6, 6, 6], ["nothing"] * 5 + ["open"]),
        (rule(above=5, for_s=120), [6, 6, 6, 5], ["nothing", "nothing", "open", "close"]),
        (rule(above=5, windows=2, for_s=180), [6, 6, 6, 6], ["nothing"] * 3 + ["open"]),
        (rule(above=5, cool_down_s=120), [6, 5, 6, 6, 6], ["open", "close", "nothing", "open", "held"]),
        (rule(above=5, cool_down_s=60), [6, 5, 5, 6], ["open", "close", "nothing", "open"]),
        (rule(above=5), [6, None], ["open", "close"]),
        (rule(above=5), [None, "word"], ["nothing", "nothing"]),
    ],
)
def test_a_rule_follows_its_words(of: Rule, values: list[Value], expected: list[Outcome]) -> None:
    assert outcomes(of, values) == expected


@pytest.mark.parametrize(
    ("of", "value", "expected"),
    [
        (rule(above=0), 9, "warning"),
        (rule(above=0, critical=3), 2.9, "warning"),
        (rule(above=0, critical=3), 3, "critical"),
        (rule(below=0.9, critical=0.5), 0.5, "critical"),
        (rule(below=0.9, critical=0.5), 0.6, "warning"),
        (rule(equals="failed", severity="critical"), "failed", "critical"),
    ],
)
def test_how_severe_it_is_follows_the_value(of: Rule, value: Value, expected: str) -> None:
    assert severity(of, value) == expected


def test_a_reading_stays_true_until_the_next() -> None:
    of = rule(above=0, for_s=3600)
    watch, outcome = take(of, None, 1, 0)
    assert (outcome, watch and due_ms(of, watch)) == ("nothing", 3_600_000)
    assert watch is not None
    assert ripen(of, watch, 3_599_999)[1] == "nothing"
    opened, outcome = ripen(of, watch, 3_600_000)
    assert (opened.phase, outcome, due_ms(of, opened)) == ("open", "open", None)


def test_the_same_window_corrected_counts_once() -> None:
    of = rule(above=0, windows=2)
    watch, _ = take(of, None, 1, 0, window_ms=7)
    watch, outcome = take(of, watch, 2, 1, window_ms=7)
    assert outcome == "nothing"
    assert take(of, watch, 2, 2, window_ms=8)[1] == "open"


def test_a_late_label_of_an_older_window_does_not_speak_for_the_present() -> None:
    of = rule(above=0, windows=2)
    watch, _ = take(of, None, 1, 0, window_ms=7)
    assert take(of, watch, -1, 1, window_ms=6) == (watch, "nothing")
    watch, outcome = take(of, watch, 1, 1, window_ms=8)
    assert outcome == "open"
    assert take(of, watch, -1, 2, window_ms=7) == (watch, "nothing")
    assert take(of, watch, None, 2, window_ms=7)[1] == "close"
    assert take(of, watch, -1, 2, window_ms=8)[1] == "close"


RULES = st.builds(
    lambda above, gap, **counts: rule(above=above, clear=above - gap, **counts),
    st.integers(-5, 5),
    st.integers(0, 3),
    windows=st.integers(1, 4),
    for_s=st.integers(0, 5).map(lambda minutes: 60 * minutes),
    cool_down_s=st.integers(0, 5).map(lambda minutes: 60 * minutes),
)
VALUES = st.lists(st.one_of(st.integers(-10, 10), st.none()), max_size=60)


@given(RULES, VALUES)
def test_opening_and_closing_take_turns(of: Rule, values: list[Value]) -> None:
    turns = [outcome for outcome in outcomes(of, values) if outcome in {"open", "close"}]
    assert turns == [("open", "close")[number % 2] for number in range(len(turns))]


@given(RULES, VALUES)
def test_what_opens_has_held_for_long_enough(of: Rule, values: list[Value]) -> None:
    found = outcomes(of, values)
    for number, outcome in enumerate(found):
        if outcome == "open":
            needed = max(of.windows, of.for_s // 60 + 1)
            assert number + 1 >= needed
            assert all(holds(of, value) for value in values[number + 1 - needed : number + 1])


@given(RULES, VALUES)
def test_what_has_closed_cools_down(of: Rule, values: list[Value]) -> None:
    closed: int | None = None
    for number, outcome in enumerate(outcomes(of, values)):
        if outcome == "open" and closed is not None:
            assert (number - closed) * 60 >= of.cool_down_s
        closed = number if outcome == "close" else closed


@given(RULES, VALUES)
def test_between_the_levels_nothing_changes(of: Rule, values: list[Value]) -> None:
    for outcome, value in zip(outcomes(of, values), values, strict=True):
        is_between = value is not None and of.clear < value <= of.above  # type: ignore[operator]
        assert not (is_between and outcome in {"open", "close"})


@given(RULES)
def test_when_all_is_quiet_nothing_is_remembered(of: Rule) -> None:
    watch: Watch | None = None
    for number, value in enumerate([10] * 10 + [-10] * 10):
        watch, _ = take(of, watch, value, number * STEP_MS)
    assert watch is None
