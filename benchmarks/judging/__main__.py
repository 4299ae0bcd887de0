"""What it costs a server to judge a window of a large fleet: ``python -m benchmarks.judging``.

Writes ``benchmarks/results/judging.{json,md}``; takes some ten minutes. It ends with exit code 1 where
judging takes more than is allowed.
"""

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import sqlalchemy

from benchmarks.judging import page
from benchmarks.judging.figures import Cost, Run, write
from benchmarks.judging.fleet import HOUR_MS
from benchmarks.machine import ONE_THREAD, ROOT, describe
from device_contract.baseline import DAY_MS
from tests.support.postgresql import run_postgresql

_LOG = logging.getLogger(__name__)


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/fleet.db"


@contextmanager
def _postgresql() -> Iterator[str]:
    with run_postgresql() as folder:
        yield f"postgresql+psycopg://leeway@/postgres?host={folder}"


def measure(devices: int) -> Run:
    """Measure each length of window on each database, in a process of its own."""
    costs = []
    for database in (_sqlite, _postgresql):
        for window_ms in (HOUR_MS, DAY_MS):
            with database() as url:
                costs.append(_cost(url, devices, window_ms))
            _LOG.info("%s", costs[-1])
    versions = {"numpy": np.__version__, "SQLAlchemy": sqlalchemy.__version__}
    return Run(describe(), versions, os.getloadavg()[2], tuple(costs))


def _cost(url: str, devices: int, window_ms: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.judging.worker", url, str(devices), str(window_ms)]
    done = subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE)
    return msgspec.json.decode(done.stdout, type=Cost)


def main() -> int:
    """Measure, write; 1 if something required is missed."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    arguments = argparse.ArgumentParser(description="Measure what it costs to judge a window.")
    arguments.add_argument("--devices", type=int, default=100_000)
    run = measure(arguments.parse_args().devices)
    results = ROOT / "benchmarks" / "results"
    write(results / "judging.json", run)
    (results / "judging.md").write_text(page.render(run), encoding="utf-8")
    missed = page.missed(run)
    _LOG.info("missed: %s", "; ".join(missed) or "nothing")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
