"""What the picture of a comparison shows."""

import io
from typing import Any

import numpy as np
import pytest

from fleet_server.commands.comparison_plot import MAX_STREAMS, draw, most_different


def stream(name: str, *, distance: float | None = 0.1, kind: str = "number") -> dict[str, Any]:
    side = {"finite": 10, "minimum": 0.0, "maximum": 4.0, "standard_deviation": 1.0}
    side |= {"edges": [1.0, 3.0], "counts": [2, 5, 3]}
    difference = {
        "jensen_shannon_distance": distance,
        "wasserstein_distance": None if kind == "category" else distance,
        "mean_shift_sd": None if kind == "category" else 0.5,
    }
    return {"name": name, "kind": kind, "a": side, "b": side, "difference": difference}


EMPTY = stream("empty") | {"b": {"finite": 0}}


def comparison(*streams: dict[str, Any]) -> dict[str, Any]:
    return {"model": "power", "streams": list(streams)}


def test_the_lines_are_the_shares_at_the_edges() -> None:
    axes = draw(comparison(stream("wind")), ("one", "other")).axes[0]
    x, y = axes.lines[0].get_xdata(), axes.lines[0].get_ydata()
    assert np.asarray(x).tolist() == [0.0, 1.0, 3.0, 4.0]
    assert np.asarray(y).tolist() == pytest.approx([0.0, 0.2, 0.7, 1.0])
    assert "mean +0.50 sd, Jensen-Shannon 0.100" in axes.get_title(loc="left")


def test_a_category_is_bars() -> None:
    axes = draw(comparison(stream("state", kind="category")), ("one", "other")).axes[0]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([0.2, 0.5, 0.3] * 2)


def test_the_most_different_come_first_and_not_all_of_many() -> None:
    streams = [stream(f"s{i}", distance=i / 100) for i in range(20)]
    streams += [EMPTY, stream("gone") | {"b": None, "difference": None}]
    assert [found["name"] for found in most_different(streams)] == [f"s{19 - i}" for i in range(MAX_STREAMS)]
    figure = draw(comparison(*streams), ("one", "other"))
    assert len(figure.axes) == MAX_STREAMS
    assert f"{len(streams) - MAX_STREAMS} more streams" in " ".join(text.get_text() for text in figure.texts)


@pytest.mark.parametrize("streams", [[], [EMPTY], [stream("$\\frac{")], [stream("other bins", distance=None)]])
def test_any_comparison_can_be_drawn(streams: list[dict[str, Any]]) -> None:
    sink = io.BytesIO()
    draw(comparison(*streams), ("one", "other")).savefig(sink, format="svg")
    assert b"<svg" in sink.getvalue()
