"""The page of what judging costs: every part is told, and what takes too long is missed."""

from benchmarks.judging import page
from benchmarks.judging.figures import INTAKE, JUDGING, Cost, Run

PARTS = dict.fromkeys((*INTAKE, *JUDGING), 2.0)
FAST = Cost("sqlite", 3_600_000, 100_000, PARTS, 0.0, 20.0, 10**9)
SLOW = Cost("postgresql", 86_400_000, 100_000, PARTS | {"judge": 5.0}, 3.0, 25.0, 10**9)


def test_judging_is_all_parts_but_the_intake() -> None:
    assert FAST.judging == 18.0
    assert page.missed(Run("a machine", {}, 1.0, (FAST, SLOW))) == ["PostgreSQL, a day: 21.0 s"]


def test_the_page_tells_every_part() -> None:
    text = page.render(Run("a machine", {"numpy": "2"}, 1.0, (FAST, SLOW)))
    lines = text.splitlines()
    for part in (*INTAKE, *JUDGING):
        assert any(f"{part}: " in line for line in lines)
    (total,) = (line for line in lines if "judging, all of it" in line)
    assert "**18.0**, met" in total
    assert "**21.0**, **missed**" in total
