"""From a pickled model to a signed bundle, by the commands that CI runs."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import joblib
import numpy as np

from benchmarks.contender import UnavailableError
from benchmarks.machine import ONE_THREAD, ROOT
from benchmarks.trained import Trained

LIMITS_S = MappingProxyType({"B": 3.0, "C": 5.0})
"""Models to compile, and the seconds that each may take: 100 trees, and 500 trees of 31 leaves."""


def compile_s(model: Trained, folder: Path, *options: str) -> float:
    """Return the processor's seconds of ``leeway-compiler compile`` and ``sign``.

    Args:
        model: What to compile.
        folder: Where to.
        options: More of ``compile``'s.

    Raises:
        UnavailableError: It does not compile; the message is the command's.
    """
    given, sample, out, keys = folder / "model.joblib", folder / "sample.npz", folder / "out", folder / "keys"
    joblib.dump(model.estimator, given)
    np.savez(sample, rows=model.data.sample)
    _run("keys", "init", "--dir", str(keys))
    before = _seconds()
    names = ("--name", "model", "--version", "1", "--out", str(out), "--trust-pickle")
    _run("compile", str(given), "--sample", str(sample), *names, *options)
    _run("sign", str(next(out.glob("*.bundle"))), "--key", str(keys / "ci.key"))
    return _seconds() - before


def _run(*arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from compiler.cli import main; main()", *arguments]
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise UnavailableError((done.stderr.strip().splitlines() or ["no message"])[-1])


def _seconds() -> float:
    """Return the processor's seconds of the processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
