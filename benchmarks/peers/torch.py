"""torch, for model G: in the environment that ``make test-frontends`` sets up, for it stays out of the default one."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Rows, UnavailableError
from benchmarks.timing import Stretch
from benchmarks.trained import Trained

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".venv-frontends" / "bin" / "python"


class Torch:
    """The module in its process; only its own calls are on the clock."""

    name = "torch"

    def __init__(self, weights: Path) -> None:
        self._folder = weights.parent
        self._worker = subprocess.Popen(
            [str(PYTHON), "-m", "benchmarks.torch_worker", str(weights)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def stretch(self, batches: Sequence[Rows]) -> Stretch:
        """Prepare to score these batches in turn."""
        path = self._folder / "batches.npy"
        np.save(path, np.stack(list(batches)))
        self._ask(f"prepare {path}")
        path.unlink()
        return lambda calls: float(self._ask(f"run {calls}"))

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows."""
        given, answer = self._folder / "rows.npy", self._folder / "scores.npy"
        np.save(given, rows)
        self._ask(f"score {given} {answer}")
        return np.load(answer).astype(np.float64)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Let the process end: its input is at an end."""
        self._worker.communicate()

    def _ask(self, line: str) -> str:
        assert self._worker.stdin is not None
        assert self._worker.stdout is not None
        self._worker.stdin.write(line + "\n")
        self._worker.stdin.flush()
        answer = self._worker.stdout.readline().strip()
        if not answer:
            raise UnavailableError("its process ended")
        return answer


def version() -> str:
    """Return torch's version, or that it is absent."""
    if not PYTHON.exists():
        return "not installed"
    command = [str(PYTHON), "-c", "from importlib.metadata import version; print(version('torch'))"]
    return subprocess.check_output(command, text=True).strip()


def prepare(model: Trained) -> list[Torch]:
    """Start torch's process.

    Raises:
        UnavailableError: torch is not installed.
    """
    if not PYTHON.exists():
        raise UnavailableError("not installed; `make test-frontends` sets it up")
    weights = model.folder / "weights.npz"
    np.savez(weights, **model.estimator)
    return [Torch(weights)]
