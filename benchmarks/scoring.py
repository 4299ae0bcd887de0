"""How fast plans score, against every peer, in the same run, one thread each, from Python.

``python -m benchmarks.scoring`` trains the ten models of ``benchmarks.models`` (once; they
are kept in ``build/benchmarks``), measures all contenders on each in a process of its own, and
writes ``scoring.json``, ``scoring.md`` and ``scoring.svg`` in ``benchmarks/results``.
``--models A,B`` measures these and keeps the others' figures; ``--quick`` takes seconds,
prints the page and keeps nothing. It ends with exit code 1 where a requirement is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks import figures, page, plot
from benchmarks.figures import Measured, Run
from benchmarks.machine import ONE_THREAD, ROOT, describe
from benchmarks.models import WORKLOADS
from benchmarks.peers import torch

RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = (
    "numpy", "scikit-learn", "onnxruntime", "skl2onnx", "onnxmltools", "lightgbm", "xgboost",
    "lleaves", "treelite", "tl2cgen", "m2cgen", "Cython",
)  # fmt: skip


def measure(letter: str, *, quick: bool) -> Measured:
    """Measure one model in a process of its own.

    Raises:
        CalledProcessError: It failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "measured.json"
        options = ["--quick"] if quick else []
        command = [sys.executable, "-m", "benchmarks.measure", letter, str(out), *options]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, check=True)
        return msgspec.json.decode(out.read_bytes(), type=Measured)


def keep(run: Run) -> None:
    """Write the figures, the page and the picture."""
    figures.write(RESULTS / "scoring.json", run)
    (RESULTS / "scoring.md").write_text(page.render(run, WORKLOADS))
    plot.draw(run, RESULTS / "scoring.svg")


def _letters(text: str) -> list[str]:
    letters = text.split(",")
    if not set(letters) <= set(WORKLOADS):
        raise argparse.ArgumentTypeError(f"{text!r}: give letters from {', '.join(WORKLOADS)}")
    return letters


def main() -> None:
    """Measure, keep the results of each model as it is done, and tell what was missed."""
    arguments = argparse.ArgumentParser(description="Measure how fast models are scored, against every peer.")
    arguments.add_argument(
        "--models", type=_letters, default=list(WORKLOADS), help="letters, as in A,B; the others' figures stay"
    )
    arguments.add_argument("--quick", action="store_true", help="measure briefly, print the page, keep nothing")
    given = arguments.parse_args()
    earlier = None if given.quick else figures.read(RESULTS / "scoring.json")
    measured = dict(earlier.models) if earlier else {}
    for letter in given.models:
        print(f"{letter}: {WORKLOADS[letter].name}", flush=True)
        measured[letter] = measure(letter, quick=given.quick)
        versions = {name: version(name) for name in PACKAGES} | {"torch": torch.version()}
        run = Run(describe(), versions, dict(sorted(measured.items())))
        if not given.quick:
            keep(run)
    print(page.render(run, WORKLOADS))
    missed = page.missed(run, WORKLOADS)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
