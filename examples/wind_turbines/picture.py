"""Draw what the demo ended with, as the picture in README.md.

Two commands make it::

    make demo ARGS="--once --json result.json"
    python -m examples.wind_turbines.picture result.json docs/demo.svg

Above, what the server said in ``result.json``; below, what it had to see: each turbine's
outdoor temperature less the median of the other three, day by day, from the replayed rows.
"""

import argparse
import json
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from examples.wind_turbines import scenario
from examples.wind_turbines.fleet import Json

WIDTH, HEIGHT = 880, 460
LEFT, RIGHT, TOP, BOTTOM = 72, 850, 250, 410
"""The plot's frame, in the picture's units."""
LOWEST_C, HIGHEST_C = -2.0, 7.0
COLUMNS = (30, 138, 194, 252, 316, 650)
HEADINGS = ("device", "version", "rows", "reports", "against training", "against its own past")
STYLE = """
    text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #24292f }
    .card { fill: #ffffff; stroke: #d0d7de }
    .quiet { fill: #57606a; font-size: 12px }
    .title { font-weight: 600; font-size: 15px }
    .rule { stroke: #d0d7de }
    .healthy { fill: none; stroke: #8c959f; stroke-width: 1.2 }
    .broken { fill: none; stroke: #cf222e; stroke-width: 2 }
    .alarm { fill: #cf222e; font-weight: 600 }
    .event { stroke: #cf222e; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .card { fill: #0d1117; stroke: #30363d } .quiet { fill: #9198a1 }
      .rule { stroke: #30363d } .healthy { stroke: #6e7681 } .broken, .event { stroke: #ff7b72 }
      .alarm { fill: #ff7b72 }
    }
"""


@dataclass(frozen=True)
class Axes:
    """Where a day and a temperature difference are in the picture."""

    first_day: date
    n_days: int

    def x(self, day: date) -> float:
        """Return the horizontal place of a day's beginning."""
        return LEFT + (RIGHT - LEFT) * (day - self.first_day).days / self.n_days

    def y(self, difference_c: float) -> float:
        """Return the vertical place of a difference in °C."""
        return BOTTOM - (BOTTOM - TOP) * (difference_c - LOWEST_C) / (HIGHEST_C - LOWEST_C)


def differences() -> NDArray[np.float64]:
    """Return each turbine's daily mean temperature less the median of its peers', (n_turbines, n_days), °C."""
    means = np.array([_daily_means(device_id) for device_id in scenario.TURBINES])
    peers = [np.nanmedian(np.delete(means, row, axis=0), axis=0) for row in range(len(means))]
    return means - np.array(peers)


def draw(result: Json) -> str:
    """Return the picture as SVG."""
    axes = Axes(scenario.FIRST_DAY, (scenario.LAST_DAY - scenario.FIRST_DAY).days)
    parts = [*_table(result), *_frame(axes), *_curves(axes), *_fault(axes)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img">\n<title>Four turbines, one broken sensor</title>\n<style>{STYLE}</style>\n'
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _daily_means(device_id: str) -> NDArray[np.float64]:
    table = scenario.replay_rows(device_id).select(["time", scenario.FAULTY_FEATURE])
    days = table.set_column(0, "day", pc.cast(table["time"], pa.date32())).group_by("day")
    means = days.aggregate([(scenario.FAULTY_FEATURE, "mean")]).sort_by("day")
    return means[f"{scenario.FAULTY_FEATURE}_mean"].to_numpy()


def _table(result: Json) -> list[str]:
    parts = [_text(COLUMNS[0], 36, "Four turbines, one broken sensor", "title")]
    parts += [_text(x, 66, heading, "quiet") for x, heading in zip(COLUMNS, HEADINGS, strict=True)]
    parts.append(_line(30, 76, RIGHT, 76, "rule"))
    for row, device in enumerate(result["devices"]):
        training, own = (device["drift"][kind] for kind in ("training", "own"))
        cells = (
            device["device_id"],
            device["active_version"],
            f"{device['rows_scored']:,}",
            str(device["reports_ingested"]),
            _verdict(training),
            _verdict(own),
        )
        kinds = ["", "", "", "", "quiet", "alarm" if own["verdict"] == "drift" else ""]
        parts += [_text(x, 98 + 24 * row, *cell) for x, *cell in zip(COLUMNS, cells, kinds, strict=True)]
    return parts


def _verdict(drift: Json) -> str:
    return ": ".join([drift["verdict"], *filter(None, [", ".join(drift["features"])])])


def _frame(axes: Axes) -> list[str]:
    title = "outdoor temperature less the median of the other three, by day"
    parts = [_text(30, TOP - 26, title, "title")]
    for difference_c in (0, 2, 4, 6):
        y = axes.y(difference_c)
        parts += [
            _line(LEFT, y, RIGHT, y, "rule"),
            _text(30, y + 4, f"{difference_c:+d} °C".replace("+0", "0"), "quiet"),
        ]
    for month in range(axes.first_day.month + 1, scenario.LAST_DAY.month):
        day = date(axes.first_day.year, month, 1)
        parts.append(_text(axes.x(day), BOTTOM + 20, f"{day:%-d %B}", "quiet"))
    return parts


def _curves(axes: Axes) -> list[str]:
    curves = zip(scenario.TURBINES, differences(), strict=True)
    drawn_last = sorted(curves, key=lambda curve: curve[0] == scenario.FAULTY_TURBINE)
    return [_curve(axes, device_id, values) for device_id, values in drawn_last]


def _curve(axes: Axes, device_id: str, values: NDArray[np.float64]) -> str:
    noons = np.linspace(LEFT, RIGHT, 2 * axes.n_days + 1)[1::2]
    known = ~np.isnan(values)  # a turbine may be silent for a whole day
    points = " ".join(f"{x:.1f},{axes.y(value):.1f}" for x, value in zip(noons[known], values[known], strict=True))
    style = "broken" if device_id == scenario.FAULTY_TURBINE else "healthy"
    return f'<polyline class="{style}" points="{points}"><title>{device_id}</title></polyline>'


def _fault(axes: Axes) -> list[str]:
    x = axes.x(scenario.FAULT_BEGINS.date())
    words = (
        f"{scenario.FAULT_BEGINS:%-d %B}: {scenario.FAULTY_TURBINE} begins to read {scenario.FAULT_OFFSET_C:g} °C more"
    )
    return [_line(x, TOP, x, BOTTOM, "event"), _text(x - 8, TOP + 16, words, "alarm", anchor="end")]


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def main() -> None:
    """Read a result of the demo and write the picture."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("result", type=Path, help="what the demo wrote with --json")
    parser.add_argument("picture", type=Path, help="SVG file to write")
    options = parser.parse_args()
    options.picture.write_text(draw(json.loads(options.result.read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
