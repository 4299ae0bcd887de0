"""The results page's picture: one panel for one row, one for each size of batch."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import BATCHES, Run
from benchmarks.page import OURS

_STYLES = (
    (OURS, "D", "#d1495b"),
    ("onnxruntime, IO binding", "o", "#00798c"),
    ("onnxruntime, run", "o", "#7fbcc5"),
    ("lleaves", "^", "#66a182"),
    ("tl2cgen", "v", "#8d6a9f"),
    ("treelite GTIL", "v", "#c8b6d2"),
    ("m2cgen", "s", "#edae49"),
    ("scikit-learn", "x", "#30323d"),
    ("lightgbm", "x", "#30323d"),
    ("xgboost", "x", "#30323d"),
    ("torch", "x", "#30323d"),
)
"""Each scorer's mark; the training libraries share one."""


def draw(run: Run, path: Path) -> None:
    """Draw the picture as SVG; the same figures give the same bytes."""
    with mpl.rc_context({"svg.hashsalt": "leeway", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, 7), layout="constrained")
        panels = figure.subplots(2, 2).flat
        _panel(next(panels), run, None)
        for size, panel in zip(BATCHES, panels, strict=True):
            _panel(panel, run, size)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=4, frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panel(axes: Axes, run: Run, size: int | None) -> None:
    """Draw each scorer's figure over the models: microseconds for one row, rows a second for batches."""
    for scorer, marker, colour in _STYLES:
        points = [
            (letter, scored.row_us if size is None else scored.rows_per_s[size])
            for letter, measured in run.models.items()
            for scored in measured.scored
            if scored.scorer == scorer
        ]
        if points:
            label = "training library" if marker == "x" else scorer
            letters, figures = zip(*points, strict=True)
            axes.plot(letters, figures, marker, color=colour, label=label, markersize=8 if scorer == OURS else 5)
    axes.set_yscale("log")
    axes.set_title("one row, µs (lower is better)" if size is None else f"batches of {size:,}: rows a second")
    axes.grid(axis="y", alpha=0.3)
