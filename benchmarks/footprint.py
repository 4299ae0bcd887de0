"""What a model costs beside its scores: loading, memory, compiling.

* from the file to the first score, in a fresh process: at most 2 ms for any plan under 10 MB;
* resident memory of that process (Python, the scorer, no numpy): at most 14 MB;
* a forest of 100 trees to a signed bundle, parity included: at most 3 s; 500 trees of 31 leaves: 5 s.

Run ``python -m benchmarks.footprint``; it prints the page and writes ``benchmarks/results/footprint.md``.
It ends with exit code 1 where a limit is missed.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.compiling import LIMITS_S, compile_s
from benchmarks.contender import UnavailableError
from benchmarks.loading import LARGEST_PLAN_MB, LOAD_MS, PROCESSES, RESIDENT_MB, start
from benchmarks.machine import ROOT, describe
from benchmarks.models import WORKLOADS
from benchmarks.trained import trained

RESULTS = ROOT / "benchmarks" / "results" / "footprint.md"
_SCORERS = {"plan": "Leeway, the plan", "bundle": "Leeway, the bundle", "onnx": "onnxruntime"}
_KINDS = {"plan": ("--kind", "plan"), "plan and onnx": ()}

_HEAD = f"""# What a model costs beside its scores

`python -m benchmarks.footprint`. Times are the processor's, medians of {PROCESSES} fresh processes; MB are 10^6 bytes.
{{machine}}.

## Loading, and memory

A plan under {LARGEST_PLAN_MB:g} MB has at most {LOAD_MS:g} ms from its file to the first score. The process (Python,
the scorer, no numpy) has at most {RESIDENT_MB:g} MB resident, and the pages of the mapped plan, which it shares with
others that map it. The bundle's way checks every digest first and keeps the manifest.
"""
_COMPILING = """## Compiling

`leeway-compiler compile` from a pickle, with reading, parity on the sample, baseline and packing, then
`leeway-compiler sign`; the start of both and their imports are in it.
"""


def _loading_table(letters: Sequence[str], missed: list[str]) -> Iterator[str]:
    yield "| model | scorer | file, MB | load to first score, ms | imports, ms | resident, MB |"
    yield "|---|---|---|---|---|---|"
    for letter in letters:
        print(f"{letter}: loading", flush=True)
        try:
            with tempfile.TemporaryDirectory() as folder:
                started = start(trained(letter, scored=1), Path(folder))
        except UnavailableError as error:
            yield f"| {letter} | {error} | | | | |"
            missed.append(f"{letter}: no plan")
            continue
        for one in started:
            figures = f"{one.file_mb:.3g} | {one.load_ms:.3g} | {one.import_ms:.3g} | {one.resident_mb:.1f}"
            yield f"| {letter} | {_SCORERS[one.kind]} | {figures} |"
        if started[0].missed():
            missed.append(f"{letter}: {started[0].missed()}")


def _compiling_table(missed: list[str]) -> Iterator[str]:
    yield "| model | artifacts | compile and sign, s | at most |"
    yield "|---|---|---|---|"
    for letter, limit_s in LIMITS_S.items():
        model = trained(letter, scored=1)
        for what, options in _KINDS.items():
            print(f"{letter}: compiling {what}", flush=True)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    seconds = compile_s(model, Path(folder), *options)
            except UnavailableError as error:
                yield f"| {WORKLOADS[letter].name} | {what} | {error} | {limit_s:g} |"
                missed.append(f"{letter}: does not compile to {what}")
                continue
            yield f"| {WORKLOADS[letter].name} | {what} | {seconds:.2f} | {limit_s:g} |"
            if seconds > limit_s:
                missed.append(f"{letter}: {seconds:.1f} s to a signed bundle with {what}")


def main() -> None:
    """Measure, print and keep the figures."""
    arguments = argparse.ArgumentParser(description="Measure loading, memory and compiling.")
    arguments.add_argument("--models", default=",".join(WORKLOADS), help="letters, A to J, to load")
    letters = arguments.parse_args().models.split(",")
    missed: list[str] = []
    parts = [_HEAD.format(machine=describe()), *_loading_table(letters, missed), ""]
    parts += [_COMPILING, *_compiling_table(missed), ""]
    text = "\n".join(parts)
    print(text)
    RESULTS.write_text(text)
    if missed:
        sys.exit("missed: " + "; ".join(missed))


if __name__ == "__main__":
    main()
