"""The results page of the tools side by side: a table for each fleet, and a picture."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drift.outcome import Outcome
from benchmarks.drift.rows import (
    AFTER,
    BEFORE,
    DEVICES,
    FEATURES,
    PAST,
    ROWS,
    SHIFT,
    SHIFTED_DEVICES,
    SHIFTED_FEATURES,
)

_HEAD = f"""# Leeway beside other monitors

`python -m benchmarks.drift.side_by_side`, after `make .venv-monitors/ready`; seeded, so the figures come out the
same. All get the same rows: {DEVICES} devices, {FEATURES} features, {ROWS} rows in a window of an hour. After {PAST}
windows of past and {BEFORE} more, {SHIFTED_FEATURES} features of {SHIFTED_DEVICES} devices shift by {SHIFT} standard
deviations for {AFTER} windows. Each tool runs with its defaults; PSI and Kolmogorov-Smirnov with the thresholds that
are quoted for them.

A false alarm is a healthy device with at least one alarmed feature in a window. A shifted device is found when a
shifted feature alarms. An alarm that would have come without the shift counts too, which flatters whoever always
alarms.

![False alarms and delays](monitors.svg)
"""

_STYLES = (
    ("D", "#d1495b"),
    ("o", "#00798c"),
    ("s", "#66a182"),
    ("^", "#edae49"),
    ("v", "#8d6a9f"),
    ("X", "#30323d"),
)
"""Each tool's mark, in the order of the outcomes."""


def render(outcomes: Sequence[Outcome]) -> str:
    """Write the page."""
    return "\n".join((_HEAD, *_tables(outcomes))) + "\n"


def _tables(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for fleet in dict.fromkeys(outcome.fleet for outcome in outcomes):
        yield f"## {fleet.capitalize()}\n"
        yield "| tool | false alarms for each 1000 device-windows | shifted devices found | median delay, windows |"
        yield "|---|---|---|---|"
        yield from map(_row, (outcome for outcome in outcomes if outcome.fleet == fleet))
        yield ""


def _row(outcome: Outcome) -> str:
    delay = "not found" if outcome.delay is None else f"{outcome.delay:g}"
    return f"| {outcome.tool} | {outcome.false_per_1000:.3g} | {outcome.found:.0%} | {delay} |"


def draw(outcomes: Sequence[Outcome], path: Path) -> None:
    """Draw the picture as SVG; the same outcomes give the same bytes."""
    fleets = list(dict.fromkeys(outcome.fleet for outcome in outcomes))
    with mpl.rc_context({"svg.hashsalt": "leeway", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, 4), layout="constrained")
        for axes, fleet in zip(figure.subplots(1, len(fleets), squeeze=False, sharey=True).flat, fleets, strict=True):
            _panel(axes, [outcome for outcome in outcomes if outcome.fleet == fleet])
            axes.set_title(fleet)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    """Place each tool by its false alarms and its delay; the lower left corner is where to be."""
    for place, (outcome, (marker, colour)) in enumerate(zip(outcomes, _STYLES, strict=True)):
        delay = AFTER + 2.0 if outcome.delay is None else outcome.delay
        apart = 0.12 * (place - len(outcomes) / 2)  # several tools would lie on one point
        axes.plot(delay + apart, outcome.false_per_1000, marker, color=colour, label=outcome.tool)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(-0.2, 2000)
    axes.set_xlim(0, AFTER + 6)
    axes.axvline(AFTER + 1, color="#cccccc", linewidth=0.8)
    axes.set_xlabel(f"windows until found (right of the line: not within {AFTER})")
    axes.set_ylabel("false device alarms for each 1000 device-windows")
