"""False alarms and delays of the drift detectors: ``python -m benchmarks.drift``.

Writes ``benchmarks/results/drift.{json,md,svg}``; takes some twenty minutes of one core.
"""

import logging
import platform
import sys

import numpy as np
import scipy

from benchmarks.drift import page, plot
from benchmarks.drift.faulty import independent, seasonal
from benchmarks.drift.figures import Found, Run, write
from benchmarks.drift.healthy import rates
from benchmarks.drift.relations import relation
from benchmarks.drift.speed import speed
from benchmarks.machine import ROOT, describe

_LOG = logging.getLogger(__name__)


def measure() -> Run:
    """Measure everything."""
    found: list[Found] = []
    for same in independent():
        found += same
        _LOG.info("%s: %s", same[-1].fault, same[-1].median)
    found += relation()
    shifted, step = seasonal()
    versions = {"Python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    return Run(
        machine=describe(),
        versions=versions,
        rates=tuple(rates()),
        found=(*found, *shifted),
        step=step,
        speed=speed(),
    )


def main() -> int:
    """Measure, write; 1 if something required is missed."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    run = measure()
    results = ROOT / "benchmarks" / "results"
    write(results / "drift.json", run)
    (results / "drift.md").write_text(page.render(run), encoding="utf-8")
    plot.draw(run, results / "drift.svg")
    missed = [one.what for one in page.requirements(run) if not one.met]
    _LOG.info("missed: %s", "; ".join(missed) or "nothing")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
