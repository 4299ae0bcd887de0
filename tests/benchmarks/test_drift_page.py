"""The drift page: figures against the requirements, and a picture that comes out the same each time."""

from pathlib import Path

import msgspec
import pytest

from benchmarks.drift import healthy, page, plot, seeds
from benchmarks.drift.figures import Found, Gate, Rate, Run, Speed, Step, read, write
from benchmarks.drift.healthy import DAYS, HOURS
from benchmarks.drift.judging import pooled
from detectors import DEFAULT_RATE

RUN = Run(
    machine="a machine",
    versions={"numpy": "2"},
    rates=(Rate(DAYS, 50.0, 4.2, 60, 1.0, {"own location": 60}), Rate(DAYS, DEFAULT_RATE, 5.3, 1, 5.0, {})),
    found=(Found("shift of 0.1 sd", "independent", 5, DEFAULT_RATE, (4, 5, 6), 0),),
    steps=(Step(0.3, 400, 1, 0), Step(0.3, 400, 1, 0)),
    gates=(Gate(20, 1000, 0.0, {"inconclusive": 99, "fail": 1}), Gate(20, 1000, 0.05, {"fail": 100})),
    speed=Speed(100_000, 30, 15.0, 0.2, 5000),
)


def test_what_is_required_is_met() -> None:
    assert all(one.met for one in page.requirements(RUN))


@pytest.mark.parametrize(
    ("changes", "measured"),
    [
        ({"found": (Found("shift of 0.1 sd", "independent", 5, DEFAULT_RATE, (4, 0, 6), 0),)}, "6 windows, 67% found"),
        ({"steps": (Step(0.3, 400, 1, 0), Step(0.3, 400, 2, 0))}, "1, 2"),
        ({"steps": (Step(0.3, 400, 1, 0), Step(0.3, 400, 1, 2))}, "2.5"),
        ({"gates": (Gate(20, 1000, 0.0, {"pass": 97, "fail": 3}),)}, "3.00%"),
        ({"gates": (Gate(20, 1000, 0.05, {"inconclusive": 6, "fail": 94}),)}, "94.00%"),
        ({"rates": (Rate(HOURS, 5.0, 4.7, 40, 2.0, {}),)}, "20 (14 to 27)"),
    ],
)
def test_what_is_missed_is_told(changes: dict[str, object], measured: str) -> None:
    (missed,) = (one for one in page.requirements(msgspec.structs.replace(RUN, **changes)) if not one.met)
    assert missed.measured == measured


def test_runs_of_several_seeds_are_pooled() -> None:
    one, other = (Found("stuck", "", 2, DEFAULT_RATE, delays, 1) for delays in ((1, 2), (3, 0)))
    (found,) = pooled([[one], [other]])
    assert (found.delays, found.false) == ((1, 2, 3, 0), 2)
    rates = Rate(DAYS, 5.0, 4.6, 3, 1.0, {"own scale": 3}), Rate(DAYS, 5.0, 4.8, 5, 3.0, {"own location": 5})
    (rate,) = healthy.pooled([[rate] for rate in rates])
    assert (rate.alarms, rate.measured, rate.by_channel) == (8, 2.0, {"own location": 5, "own scale": 3})
    assert rate.level == pytest.approx(4.7)


def test_no_seed_of_the_page_is_one_for_development() -> None:
    used = [
        *seeds.DAYS,
        *seeds.HOURS,
        *seeds.INDEPENDENT,
        *seeds.FAULTS,
        *seeds.RELATIONS,
        *seeds.STEPS,
        seeds.ROLLOUTS,
    ]
    assert len(set(used)) == len(used)
    assert min(used) >= 100


def test_the_median_counts_what_was_never_found() -> None:
    assert Found("", "", 1, 1.0, (1, 0, 0), 0).median == float("inf")


def test_an_interval_holds_what_chance_allows() -> None:
    low, high = page.interval(Rate("", 1.0, 4.0, 10, 2.0, {}))
    assert low == pytest.approx(4.80 / 2, abs=0.05)  # of the exact Poisson interval, 4.80 to 18.39
    assert high == pytest.approx(18.39 / 2, abs=0.05)


@pytest.mark.slow
def test_the_page_and_the_picture_come_out_the_same(tmp_path: Path) -> None:
    write(tmp_path / "drift.json", RUN)
    again = read(tmp_path / "drift.json")
    assert again == RUN
    assert page.render(again) == page.render(RUN)
    for name in ("a.svg", "b.svg"):
        plot.draw(RUN, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
