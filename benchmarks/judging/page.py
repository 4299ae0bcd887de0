"""The results page: the requirement, then each part."""

from collections.abc import Iterator
from typing import Final

from benchmarks.judging.figures import INTAKE, JUDGING, Cost, Run
from benchmarks.judging.fleet import FEATURES

_MOST_SECONDS: Final = 20.0
"""For 100,000 devices."""
_WHAT: Final = {
    "ingest": "check the reports and store them, 500 in a transaction",
    "take in": "let each wait for its window",
    "read": "the window's reports, from the database",
    "decode": "their summaries into arrays",
    "load": "what is known of each device, from the database into arrays",
    "judge": "the detectors",
    "pack": "what is known of each device into bytes",
    "store": "them in the database",
    "verdicts": "compare with those that stand, and store the news",
    "records": "store each device's findings and effect sizes",
    "rest": "split, commit, and all that is not named",
}
_NAMES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_HEAD: Final = f"""# What it costs to judge a window

`python -m benchmarks.judging`. Devices with one model of {FEATURES} features and one output send real reports; the
rooms of the server take them in and judge them, as they do in the server. Seconds are of the server process's processor
time on one core: a machine that is busy otherwise does not wait in them, but its caches make them longer. A window of a
day brings the co-moments of its features, which a device sends once a day. A large fleet is judged in cohorts: memory
is that of the reports and one cohort. Of three windows the cheapest is told. In them hardly anything is news, as in
nearly all windows. For 100,000 devices {_MOST_SECONDS:g} seconds are allowed.
"""


def missed(run: Run) -> list[str]:
    """Return what is required and does not hold."""
    return [f"{_title(cost)}: {cost.judging:.1f} s" for cost in run.costs if cost.judging > _allowed(cost)]


def render(run: Run) -> str:
    """Write the page, in Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    where = f"{run.machine}; {versions}. Meanwhile {run.load:.1f} processes wanted the cores, on average.\n"
    titles = " | ".join(_title(cost) for cost in run.costs)
    table = [f"| {run.costs[0].devices:,} devices, seconds | {titles} |", "|---|" + "---|" * len(run.costs)]
    return "\n".join([_HEAD, where, *table, *_rows(run.costs), ""])


def _allowed(cost: Cost) -> float:
    return _MOST_SECONDS * cost.devices / 100_000


def _title(cost: Cost) -> str:
    hours = cost.window_ms // 3_600_000
    return f"{_NAMES[cost.database]}, {'a day' if hours == 24 else 'an hour'}"  # noqa: PLR2004  (hours of a day)


def _rows(costs: tuple[Cost, ...]) -> Iterator[str]:
    for part in JUDGING:
        yield _row(f"{part}: {_WHAT[part]}", [f"{cost.parts[part]:.2f}" for cost in costs])
    met = ["met" if cost.judging <= _allowed(cost) else "**missed**" for cost in costs]
    totals = [f"**{cost.judging:.1f}**, {word}" for cost, word in zip(costs, met, strict=True)]
    yield _row(f"**judging, all of it: at most {_allowed(costs[0]):g}**", totals)
    for part in INTAKE:
        yield _row(f"before, {part}: {_WHAT[part]}", [f"{cost.parts[part]:.2f}" for cost in costs])
    yield _row("PostgreSQL's own processes", [f"{cost.database_seconds:.1f}" for cost in costs])
    yield _row("by the clock, with `take in`", [f"{cost.elapsed:.0f}" for cost in costs])
    yield _row("memory at most, MB", [f"{cost.memory_bytes / 1e6:.0f}" for cost in costs])


def _row(name: str, values: list[str]) -> str:
    return f"| {name} | {' | '.join(values)} |"
