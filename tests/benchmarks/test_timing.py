import subprocess
import sys
from collections import Counter

import pytest

from benchmarks.machine import ROOT
from benchmarks.timing import Pace, Stretch, stopwatch, take_turns


def test_a_stretch_calls_with_each_argument_in_turn() -> None:
    seen: Counter[str] = Counter()
    seconds = stopwatch(lambda name: seen.update([name]), ["a", "b", "c"])(7)
    assert seen == {"a": 3, "b": 2, "c": 2}
    assert seconds >= 0


def test_contenders_take_turns_and_the_median_is_told() -> None:
    order: list[str] = []
    seconds = {"steady": iter([0.5] * 100), "once disturbed": iter([0.2, 0.2, 0.2, 9.0, 0.2, 0.2, 0.2])}

    def contender(name: str) -> Stretch:
        def stretch(calls: int) -> float:
            order.append(name)
            return calls * next(seconds[name])

        return stretch

    taken = take_turns({name: contender(name) for name in seconds}, Pace(rounds=5, round_s=0.1, limit_s=100))
    assert taken == {"steady": 0.5, "once disturbed": 0.2}
    assert order[4:] == ["steady", "once disturbed"] * 5


def test_a_round_is_filled_with_calls() -> None:
    asked: list[int] = []

    def stretch(calls: int) -> float:
        asked.append(calls)
        return calls * 0.001

    take_turns({"quick": stretch}, Pace(rounds=3, round_s=0.1, limit_s=10))
    assert asked[-3:] == [100, 100, 100]


def test_the_limit_takes_rounds_away_but_not_the_last() -> None:
    asked: list[int] = []

    def stretch(calls: int) -> float:
        asked.append(calls)
        return calls * 2.0

    take_turns({"slow": stretch}, Pace(rounds=50, round_s=0.1, limit_s=10))
    assert asked == [1] * 6
    asked.clear()
    take_turns({"slow": stretch}, Pace(rounds=50, round_s=0.1, limit_s=1))
    assert asked == [1] * 2


def test_the_clock_stands_while_nobody_computes() -> None:
    script = "import time; from benchmarks.timing import stopwatch; print(stopwatch(time.sleep, [0.2])(2))"
    told = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)  # no other threads
    assert float(told.stdout) == pytest.approx(0, abs=0.1)
