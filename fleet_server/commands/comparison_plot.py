"""The picture of a comparison: the streams that moved most, each as the share of rows below a value.

A distribution drawn like this is exact at the edges of the bins, however wide they are, and the
gap between the lines is what the measures measure. Categories are bars.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MAX_STREAMS: Final = 9
COLUMNS: Final = 3
PANEL_INCHES: Final = (3.4, 2.5)
HEAD_INCHES: Final = 0.7
A, B = "#4477aa", "#cc3311"
"""Blue and red of Paul Tol's bright scheme, which the colour-blind tell apart."""

Stream = dict[str, Any]


def draw(comparison: dict[str, Any], names: Sequence[str]) -> Figure:
    """Draw a comparison.

    Args:
        comparison: The answer of ``GET /api/v1/models/{model}/comparison``.
        names: What the two sides are called.
    """
    shown = most_different(comparison["streams"])
    rows = max(-(-len(shown) // COLUMNS), 1)
    columns = min(COLUMNS, max(len(shown), 1))
    width, height = columns * PANEL_INCHES[0], rows * PANEL_INCHES[1] + HEAD_INCHES
    figure = Figure(figsize=(max(width, 2 * PANEL_INCHES[0]), height), layout="constrained", dpi=150)
    figure.suptitle(f"{comparison['model']}: {names[1]} (b) against {names[0]} (a)", fontsize=11)
    grid = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, stream in zip(grid, shown, strict=False):
        draw_stream(axes, stream)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    if not shown:
        figure.text(0.5, 0.5, "no stream has values on both sides", ha="center")
    _name_sides(figure, names, left_out=len(comparison["streams"]) - len(shown))
    return figure


def most_different(streams: list[Stream]) -> list[Stream]:
    """Return the streams with values on both sides, the one that moved most first; not all, if there are many."""
    both = [stream for stream in streams if stream["difference"] and stream["a"]["finite"] and stream["b"]["finite"]]
    return sorted(both, key=_size, reverse=True)[:MAX_STREAMS]


def _size(stream: Stream) -> float:
    """Return how much a stream moved: a number in standard deviations, a category by its Jensen-Shannon distance."""
    difference, deviation = stream["difference"], stream["a"]["standard_deviation"]
    if difference["wasserstein_distance"] is not None and deviation:
        return float(difference["wasserstein_distance"] / deviation)
    return float(difference["jensen_shannon_distance"] or 0.0)


def draw_stream(axes: Axes, stream: Stream) -> None:
    """Draw one stream on both sides."""
    if stream["kind"] == "category":
        _draw_categories(axes, stream)
    else:
        _draw_distributions(axes, stream)
    axes.set_title(_title(stream), fontsize=8, loc="left")
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_distributions(axes: Axes, stream: Stream) -> None:
    for side, colour in (("a", A), ("b", B)):
        found = stream[side]
        values = np.clip([found["minimum"], *found["edges"], found["maximum"]], found["minimum"], found["maximum"])
        shares = np.concatenate([[0.0], np.cumsum(found["counts"]) / found["finite"]])
        axes.plot(values, shares, color=colour, linewidth=1.4)
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("share of rows below", fontsize=7)


def _draw_categories(axes: Axes, stream: Stream) -> None:
    positions = np.arange(len(stream["a"]["counts"]))
    for side, colour, shift in (("a", A, -0.2), ("b", B, 0.2)):
        shares = np.asarray(stream[side]["counts"]) / stream[side]["finite"]
        axes.bar(positions + shift, shares, 0.4, color=colour)
    axes.set_ylabel("share of rows", fontsize=7)


def _title(stream: Stream) -> str:
    difference = stream["difference"]
    shift, distance = difference["mean_shift_sd"], difference["jensen_shannon_distance"]
    figures = [] if shift is None else [f"mean {shift:+.2f} sd"]
    figures += [] if distance is None else [f"Jensen-Shannon {distance:.3f}"]
    name = stream["name"].replace("$", r"\$")  # no formula
    return f"{name}\n{', '.join(figures)}"


def _name_sides(figure: Figure, names: Sequence[str], *, left_out: int) -> None:
    lines = [figure.axes[0].plot([], [], color=colour)[0] for colour in (A, B)]
    labels = [f"a: {names[0]}", f"b: {names[1]}"]
    figure.legend(lines, labels, loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    if left_out:
        note = f"{left_out} more streams are not shown"
        figure.text(0.99, 0.01, note, fontsize=8, ha="right", va="bottom")
