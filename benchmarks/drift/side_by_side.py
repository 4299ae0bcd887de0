"""Leeway beside the tools that are used today, on the same rows: ``python -m benchmarks.drift.side_by_side``.

Writes ``benchmarks/results/monitors.{json,md,svg}``. Takes about a quarter of an hour, nearly all of it
Evidently's.
"""

import logging
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from benchmarks.drift import leeway, monitors_page, usual
from benchmarks.drift.outcome import Alarms, Outcome, outcome
from benchmarks.drift.rows import EASY, PAST, REAL, Fleet, Floats, Simulated, simulate

_LOG = logging.getLogger(__name__)
ROOT: Final = Path(__file__).resolve().parent.parent.parent
PYTHON: Final = ROOT / ".venv-monitors" / "bin" / "python"
SEED: Final = 2026
_SILENT: Final = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "ITERATIVE_DO_NOT_TRACK": "1"}
"""They would report their use to their makers."""


def run(fleet: Fleet) -> list[Outcome]:
    """Give one fleet's rows to every tool."""
    given = simulate(fleet, SEED)
    found = {
        "Leeway, defaults": leeway.alarms(given, PAST),
        "PSI > 0.2": _each(usual.stability_index, given),
        "KS p < 0.05": _each(usual.kolmogorov_smirnov, given),
        **_monitors(given),
    }
    outcomes = [outcome(fleet, tool, alarms) for tool, alarms in found.items()]
    for one in outcomes:
        _LOG.info("%s", one)
    return outcomes


def _each(rule: Callable[[Floats, Floats], bool], given: Simulated) -> Alarms:
    columns = range(given.reference.shape[1])
    return np.array(
        [
            [[rule(given.reference[:, column], window[:, column]) for column in columns] for window in device[PAST:]]
            for device in given.rows
        ]
    )


def _monitors(given: Simulated) -> dict[str, Alarms]:
    """Run the tools that live in an environment of their own."""
    with tempfile.TemporaryDirectory() as folder:
        rows, alarms = Path(folder, "rows.npz"), Path(folder, "alarms.npz")
        np.savez(rows, reference=given.reference, rows=given.rows, judged=PAST)
        command = [PYTHON, "-m", "benchmarks.drift.monitors_worker", rows, alarms]
        environment = {**os.environ, **_SILENT, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env=environment)
        with np.load(alarms) as found:
            return {name: found[name] for name in found}


def main() -> None:
    """Run both fleets and write the page."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    outcomes = [one for fleet in (EASY, REAL) for one in run(fleet)]
    results = ROOT / "benchmarks" / "results"
    (results / "monitors.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)) + b"\n")
    (results / "monitors.md").write_text(monitors_page.render(outcomes), encoding="utf-8")
    monitors_page.draw(outcomes, results / "monitors.svg")


if __name__ == "__main__":
    main()
