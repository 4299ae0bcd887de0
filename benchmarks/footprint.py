"""What a model costs before and beside its scores: loading, memory, compiling.

* from the file to the first score, in a fresh process: at most 2 ms for any plan under 10 MB;
* resident memory of that process (Python, the scorer, no numpy): at most 14 MB;
* a forest of 100 trees to a signed bundle, parity included: at most 3 s; 500 trees of 31 leaves: 5 s.

Run ``python -m benchmarks.footprint``; it prints the page and writes ``benchmarks/results/footprint.md``.
It ends with exit code 1 where a limit is missed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import joblib
import numpy as np

from benchmarks.contender import UnavailableError
from benchmarks.machine import ONE_THREAD, ROOT, describe
from benchmarks.models import WORKLOADS
from benchmarks.peers.leeway import compiled
from benchmarks.trained import Trained, trained
from device_contract.bundle import open_file

RESULTS = ROOT / "benchmarks" / "results" / "footprint.md"
PROCESSES = 7
LOAD_MS, LARGEST_PLAN_MB, RESIDENT_MB = 2.0, 10.0, 14.0
COMPILED = {"B": 3.0, "C": 5.0}
"""Models to compile, and the seconds that each may take."""
_SCORERS = {"plan": "Leeway, the plan", "bundle": "Leeway, the bundle", "onnx": "onnxruntime"}


@dataclass(frozen=True)
class Started:
    """A model in fresh processes: medians of their figures."""

    kind: str
    file_mb: float
    load_ms: float
    import_ms: float
    resident_mb: float


def start(model: Trained, folder: Path) -> list[Started]:
    """Load a model by each scorer, in fresh processes that take turns.

    Raises:
        UnavailableError: The compiler has no plan for it.
    """
    bundle = compiled(model, folder)
    opened = open_file(bundle)
    plan = opened.manifest.artifact("plan")
    assert plan is not None
    paths = {"plan": folder / "model.plan", "bundle": bundle, "onnx": folder / "model.onnx"}
    paths["plan"].write_bytes(opened.files[plan.file.path])
    paths["onnx"].write_bytes(model.onnx)
    figures: dict[str, list[dict[str, float]]] = {kind: [] for kind in paths}
    for _ in range(PROCESSES):
        for kind, path in paths.items():
            command = [sys.executable, "-m", "benchmarks.first_score", kind, str(path), str(model.n_features)]
            figures[kind].append(json.loads(subprocess.check_output(command, cwd=ROOT)))
    return [
        Started(kind, path.stat().st_size / 1e6, *(median(one[name] for one in figures[kind]) for name in _FIGURES))
        for kind, path in paths.items()
    ]


_FIGURES = ("load_ms", "import_ms", "resident_mb")


def compile_s(model: Trained, folder: Path, *options: str) -> float:
    """Return the processor's seconds of ``leeway-compiler compile`` and ``sign``.

    Raises:
        UnavailableError: It does not compile; the message is the command's.
    """
    given, sample, out = folder / "model.joblib", folder / "sample.npz", folder / "out"
    joblib.dump(model.estimator, given)
    np.savez(sample, rows=model.data.sample)
    keys = folder / "keys"
    _run("keys", "init", "--dir", str(keys))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    names = ("--name", "model", "--version", "1", "--out", str(out), "--trust-pickle")
    _run("compile", str(given), "--sample", str(sample), *names, *options)
    _run("sign", str(next(out.glob("*.bundle"))), "--key", str(keys / "ci.key"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(*arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from compiler.cli import main; main()", *arguments]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise UnavailableError((done.stderr.strip().splitlines() or ["no message"])[-1])


def _started_lines(letters: list[str], missed: list[str]) -> Iterator[str]:
    yield "| model | scorer | file, MB | load to first score, ms | imports, ms | resident, MB |"
    yield "|---|---|---|---|---|---|"
    for letter in letters:
        print(f"{letter}: loading", flush=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                started = start(trained(letter, scored=1), Path(folder))
        except UnavailableError as error:
            yield f"| {letter} | {error} | | | | |"
            missed.append(f"{letter} has no plan")
            continue
        for one in started:
            figures = f"{one.file_mb:.3g} | {one.load_ms:.3g} | {one.import_ms:.3g} | {one.resident_mb:.1f}"
            yield f"| {letter} | {_SCORERS[one.kind]} | {figures} |"
        missed += _missed(letter, started[0])


def _missed(letter: str, plan: Started) -> Iterator[str]:
    if plan.file_mb < LARGEST_PLAN_MB and plan.load_ms > LOAD_MS:
        yield f"{letter}: {plan.load_ms:.3g} ms to the first score"
    if plan.resident_mb > RESIDENT_MB + plan.file_mb:
        yield f"{letter}: {plan.resident_mb:.1f} MB resident"


def _compiled_lines(missed: list[str]) -> Iterator[str]:
    yield "| model | artifacts | compile and sign, s | at most |"
    yield "|---|---|---|---|"
    for letter, limit_s in COMPILED.items():
        model = trained(letter, scored=1)
        for what, options in (("plan", ("--kind", "plan")), ("plan and onnx", ())):
            print(f"{letter}: compiling {what}", flush=True)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    seconds = compile_s(model, Path(folder), *options)
            except UnavailableError as error:
                yield f"| {WORKLOADS[letter].name} | {what} | {error} | {limit_s:g} |"
                missed.append(f"{letter} does not compile to {what}")
                continue
            yield f"| {WORKLOADS[letter].name} | {what} | {seconds:.2f} | {limit_s:g} |"
            if seconds > limit_s:
                missed.append(f"{letter}: {seconds:.1f} s to a signed bundle")


_HEAD = f"""# What a model costs beside its scores

`python -m benchmarks.footprint`. Times are the processor's, medians of {PROCESSES} fresh processes; MB are 10^6 bytes.
{{machine}}.
"""
_LOADING = f"""## Loading, and memory

A plan under {LARGEST_PLAN_MB:g} MB has at most {LOAD_MS:g} ms from its file to the first score. The process (Python,
the scorer, no numpy) has at most {RESIDENT_MB:g} MB resident, and the pages of the mapped plan, which it shares with
others that map it. The bundle's way checks every digest first and keeps the manifest.
"""
_COMPILING = """## Compiling

`leeway-compiler compile` from a pickle, with reading, parity on the sample, baseline and packing, then
`leeway-compiler sign`; the interpreter's start and imports are in it.
"""


def main() -> None:
    """Measure, print and keep the figures."""
    arguments = argparse.ArgumentParser(description="Measure loading, memory and compiling.")
    arguments.add_argument("--models", default=",".join(WORKLOADS), help="letters, A to J, to load")
    letters = arguments.parse_args().models.split(",")
    missed: list[str] = []
    parts = [_HEAD.format(machine=describe()), _LOADING, *_started_lines(letters, missed), ""]
    parts += [_COMPILING, *_compiled_lines(missed), ""]
    text = "\n".join(parts)
    print(text)
    RESULTS.write_text(text)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
