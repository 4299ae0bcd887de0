"""Fuzz for a while: libFuzzer on what is written in C, atheris on the readers.

Usage: ``python -m tests.fuzz.campaign SECONDS [TARGET]...``. What a target learns stays in
``build/fuzz/TARGET`` and is where the next campaign starts; an input that breaks it is written to
``build/fuzz/findings``. The page is ``docs/fuzzing.md``.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from device_contract.canonical import sha256_hex
from tests.fuzz.seeds import TARGETS, seeds

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KERNELS = ROOT / "device_contract" / "plan"
SKETCHES = ROOT / "device_contract" / "sketches"
WORK = ROOT / "build" / "fuzz"
_COMPILER = ("clang", "-std=c99", "-D_POSIX_C_SOURCE=200809L", "-g", "-ffp-contract=off")
_SANITIZERS = ("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
_FRESH = ("/bin/sh", "-c", '"$@" & wait $!', "sh")
"""A process inherits the peak memory of the one that started it, and libFuzzer would take it for its own."""
_LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-max_len=8192", "-keep_seed=1")


def build_fuzzer(program: Path, own: Sequence[str], house: Path, parts: Sequence[str]) -> Path:
    """Compile a target in C, and what it tries; returns the program's path."""
    sources = [*(HERE / name for name in own), *(house / name for name in parts)]
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*_COMPILER, f"-I{house}", *_SANITIZERS, *sources, "-lm", "-o", program], check=True)
    return program


def build_plan_fuzzer(program: Path) -> Path:
    """Compile the loader, the kernels and the mutator."""
    return build_fuzzer(program, ("plan_loader.c", "plan_mutator.c"), KERNELS, ("kernels.c", "check.c", "explain.c"))


def build_summary_fuzzer(program: Path) -> Path:
    """Compile what reads summaries and counts rows."""
    return build_fuzzer(program, ("summary_reader.c",), SKETCHES, ("reader.c", "streams.c", "projection.c"))


def fuzz(target: str, seconds: int, work: Path) -> "subprocess.CompletedProcess[str]":
    """Fuzz one target; the exit code is 0 if nothing broke.

    Args:
        target: One of ``TARGETS``.
        seconds: How long, after the corpus has been read once.
        work: Folder to learn into.
    """
    learnt, right, findings = work / target, work / "seeds" / target, work / "findings"
    for folder in (learnt, right, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds(target):
        (right / sha256_hex(seed)[:16]).write_bytes(seed)
    program = _program(target, work)
    options = (*_LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={findings}/{target}-")
    folders = [learnt, HERE / "corpus" / target, right]
    return subprocess.run(
        [*_FRESH, *program, *options, *(folder for folder in folders if folder.is_dir())],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=ROOT,
    )


def _program(target: str, work: Path) -> list[str | Path]:
    if target == "plan":
        return [build_plan_fuzzer(work / "plan_loader")]
    if target == "summary-reader":
        return [build_summary_fuzzer(work / "summary_reader")]
    return [sys.executable, "-m", "tests.fuzz.readers", target]


def main() -> int:
    """Fuzz the targets that are named, or all; returns 1 if one broke."""
    seconds, targets = int(sys.argv[1]), sys.argv[2:] or TARGETS
    runs = [_told(target, fuzz(target, seconds, WORK)) for target in targets]
    return int(any(run.returncode for run in runs))


def _told(target: str, run: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str]":
    """Write the last line of a run, or the end of what it said when it broke."""
    lines = run.stderr.strip().splitlines()
    said = lines[-1] if run.returncode == 0 else "broken\n" + "\n".join(lines[-60:])
    sys.stdout.write(f"{target}: {said}\n")
    sys.stdout.flush()
    return run


if __name__ == "__main__":
    sys.exit(main())
