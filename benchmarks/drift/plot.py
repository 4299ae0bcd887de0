"""The results page's picture: what is shown against what is measured, and what an earlier alarm costs."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.drift.figures import Found, Rate, Run
from benchmarks.drift.page import interval

_COLOURS = ("#d1495b", "#edae49", "#00798c", "#66a182")


def draw(run: Run, path: Path) -> None:
    """Draw the picture as SVG; the same figures give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "leeway", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, 4.5), layout="constrained")
        left, right = figure.subplots(1, 2)
        _calibration(left, run.rates)
        _tradeoff(right, run.found)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _calibration(axes: Axes, rates: Sequence[Rate]) -> None:
    for world, colour in zip(dict.fromkeys(rate.world for rate in rates), _COLOURS, strict=False):
        same = [rate for rate in rates if rate.world == world and rate.alarms]
        ends = [interval(rate) for rate in same]
        low = [rate.measured - low for rate, (low, _) in zip(same, ends, strict=True)]
        high = [high - rate.measured for rate, (_, high) in zip(same, ends, strict=True)]
        shown, measured = [rate.shown for rate in same], [rate.measured for rate in same]
        axes.errorbar(shown, measured, (low, high), fmt="o", color=colour, label=world, markersize=4)
    ends_of = [min(rate.shown for rate in rates), max(rate.shown for rate in rates)]
    axes.plot(ends_of, ends_of, color="#30323d", linewidth=0.8)
    axes.fill_between(ends_of, [end / 2 for end in ends_of], [end * 2 for end in ends_of], color="#30323d", alpha=0.1)
    axes.set(xscale="log", yscale="log", xlabel="the knob shows", ylabel="measured")
    axes.set_title("false alarms for each 1000 devices in 30 windows")
    axes.legend(frameon=False, fontsize=6, loc="lower right")


def _tradeoff(axes: Axes, found: Sequence[Found]) -> None:
    faults = [fault for fault in dict.fromkeys(one.fault for one in found) if fault.endswith(("0.1 sd", "1.2", "2 %"))]
    for fault, colour in zip(faults, _COLOURS, strict=False):
        same = [one for one in found if one.fault == fault]
        axes.plot([one.shown for one in same], [one.median for one in same], "o-", color=colour, label=fault)
    axes.set(xscale="log", xlabel="the knob shows")
    axes.set_ylabel("windows until half of the faults are found")
    axes.set_ylim(bottom=0)
    axes.set_title("what an earlier alarm costs")
    axes.legend(frameon=False)
