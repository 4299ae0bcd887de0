"""False alarms and delays of the drift detectors: ``python -m benchmarks.drift``.

Writes ``benchmarks/results/drift.{json,md,svg}``; takes some fifteen minutes of two cores.
"""

import logging
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

import numpy as np
import scipy

from benchmarks.drift import healthy, page, plot, seeds
from benchmarks.drift.canary import gates
from benchmarks.drift.faulty import independent, seasonal
from benchmarks.drift.figures import Run, write
from benchmarks.drift.judging import pooled
from benchmarks.drift.relations import relation
from benchmarks.drift.speed import speed
from benchmarks.machine import ONE_THREAD, ROOT, describe

_LOG = logging.getLogger(__name__)
_Told = TypeVar("_Told")


def measure() -> Run:
    """Measure everything, each seed in a process of its own; the speed at the end, alone."""
    os.environ.update(ONE_THREAD)
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        hours = _each(pool, healthy.hours, seeds.HOURS)  # the longest first
        faults = _each(pool, independent, seeds.FAULTS)
        days = _each(pool, healthy.days, seeds.DAYS)
        steps = _each(pool, seasonal, seeds.STEPS)
        alike = _each(pool, healthy.independent, seeds.INDEPENDENT)
        relations = _each(pool, relation, seeds.RELATIONS)
        rollouts = _each(pool, gates, [seeds.ROLLOUTS])
        rates = [rate for runs in (days, hours, alike) for rate in healthy.pooled(_told(runs))]
        found = [*pooled(_told(faults)), *pooled(_told(relations)), *pooled([[shift] for shift, _ in _told(steps)])]
        versions = {"Python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
        return Run(
            machine=describe(),
            versions=versions,
            rates=tuple(rates),
            found=tuple(found),
            steps=tuple(step for _, step in _told(steps)),
            gates=tuple(_told(rollouts)[0]),
            speed=speed(),
        )


def _each(pool: ProcessPoolExecutor, job: Callable[[int], _Told], those: Iterable[int]) -> list[Future[_Told]]:
    return [pool.submit(job, seed) for seed in those]


def _told(running: list[Future[_Told]]) -> list[_Told]:
    return [future.result() for future in running]


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
