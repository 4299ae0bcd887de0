"""From a model's file to its first score, and the memory that it takes, in fresh processes."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import ROOT
from benchmarks.peers.leeway import compiled
from benchmarks.trained import Trained
from device_contract.bundle import open_file

PROCESSES = 7
LOAD_MS, LARGEST_PLAN_MB, RESIDENT_MB = 2.0, 10.0, 14.0
"""The limits: of the time, the plans that it holds for, and the process's memory without its plan."""
_FIGURES = ("load_ms", "import_ms", "resident_mb")


@dataclass(frozen=True)
class Started:
    """A model in fresh processes: medians of their figures.

    Attributes:
        kind: ``plan``, ``bundle`` or ``onnx``, see ``benchmarks.first_score``.
        file_mb: Size of its file, MB of 10^6 bytes.
        load_ms: From the file to the first score.
        import_ms: What the scorer's imports took before.
        resident_mb: The process's memory while it holds the model.
    """

    kind: str
    file_mb: float
    load_ms: float
    import_ms: float
    resident_mb: float

    def missed(self) -> str:
        """Tell which limit a plan misses; empty if it keeps them."""
        if self.file_mb < LARGEST_PLAN_MB and self.load_ms > LOAD_MS:
            return f"{self.load_ms:.3g} ms to the first score"
        if self.resident_mb - self.file_mb > RESIDENT_MB:
            return f"{self.resident_mb:.1f} MB resident"
        return ""


def start(model: Trained, folder: Path) -> list[Started]:
    """Load a model by each scorer, in fresh processes that take turns; the plan's figures come first.

    Raises:
        UnavailableError: The compiler has no plan for it.
    """
    paths = _files(model, folder)
    figures: dict[str, list[dict[str, float]]] = {kind: [] for kind in paths}
    for _ in range(PROCESSES):
        for kind, path in paths.items():
            command = [sys.executable, "-m", "benchmarks.first_score", kind, str(path), str(model.n_features)]
            figures[kind].append(json.loads(subprocess.check_output(command, cwd=ROOT)))
    return [
        Started(kind, path.stat().st_size / 1e6, *(median(one[name] for one in figures[kind]) for name in _FIGURES))
        for kind, path in paths.items()
    ]


def _files(model: Trained, folder: Path) -> dict[str, Path]:
    """Write the model as a plan, as a bundle and as ONNX."""
    bundle = compiled(model, folder)
    opened = open_file(bundle)
    artifact = opened.manifest.artifact("plan")
    assert artifact is not None
    plan, onnx = folder / "model.plan", folder / "model.onnx"
    plan.write_bytes(opened.files[artifact.file.path])
    onnx.write_bytes(model.onnx)
    return {"plan": plan, "bundle": bundle, "onnx": onnx}
