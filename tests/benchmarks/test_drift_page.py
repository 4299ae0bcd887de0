"""The drift page: figures against the requirements, and a picture that comes out the same each time."""

from pathlib import Path

import pytest

from benchmarks.drift import page, plot
from benchmarks.drift.figures import Found, Rate, Run, Speed, Step, read, write
from benchmarks.drift.healthy import DAYS
from detectors import DEFAULT_RATE

RUN = Run(
    machine="a machine",
    versions={"numpy": "2"},
    rates=(Rate(DAYS, 50.0, 4.2, 60, 1.0, {"own location": 60}), Rate(DAYS, DEFAULT_RATE, 5.3, 1, 5.0, {})),
    found=(Found("shift of 0.1 sd", "independent", 5, DEFAULT_RATE, (4, 5, 6), 0),),
    step=Step(0.3, 400, 1, 0),
    speed=Speed(100_000, 30, 15.0, 0.2, 5000),
)


def test_what_is_required_is_met_or_missed() -> None:
    assert all(one.met for one in page.requirements(RUN))
    late = Found("shift of 0.1 sd", "independent", 5, DEFAULT_RATE, (4, 0, 6), 0)
    (missed,) = (one for one in page.requirements(Run(**{**_fields(), "found": (late,)})) if not one.met)
    assert missed.measured == "6 windows, 67% found"


def _fields() -> dict[str, object]:
    return {name: getattr(RUN, name) for name in RUN.__struct_fields__}


def test_the_median_counts_what_was_never_found() -> None:
    assert Found("", "", 1, 1.0, (1, 0, 0), 0).median == float("inf")


def test_an_interval_holds_what_chance_allows() -> None:
    low, high = page.interval(Rate("", 1.0, 4.0, 10, 2.0, {}))
    assert low == pytest.approx(4.80 / 2, abs=0.05)  # of the exact Poisson interval, 4.80 to 18.39
    assert high == pytest.approx(18.39 / 2, abs=0.05)


def test_the_page_and_the_picture_come_out_the_same(tmp_path: Path) -> None:
    write(tmp_path / "drift.json", RUN)
    again = read(tmp_path / "drift.json")
    assert again == RUN
    assert page.render(again) == page.render(RUN)
    for name in ("a.svg", "b.svg"):
        plot.draw(RUN, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
