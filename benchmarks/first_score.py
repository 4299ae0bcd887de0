"""A process that loads one model and scores one row: ``python -m benchmarks.first_score KIND PATH N_FEATURES``.

KIND is ``plan`` (a plan file, mapped, behind ``PlanScorer``), ``bundle`` (``edge_agent.Scorer``, which
checks every digest) or ``onnx`` (onnxruntime). Prints one line of JSON: milliseconds of the processor
from the file to the first score, those that the imports took, and the process's resident memory while
it holds the model. Nothing is imported here that the scorer does not need.
"""

import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path

Score = Callable[[], object]


def plan(path: Path, n_features: int) -> Callable[[], Score]:
    """Import what a plan needs; return what loads it."""
    import mmap  # noqa: PLC0415  (part of what is measured)

    from device_contract.plan.scorer import PlanScorer  # noqa: PLC0415  (the same)

    def load() -> Score:
        with path.open("rb") as file:
            scorer = PlanScorer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return lambda: scorer.score(array("f", bytes(4 * n_features)))

    return load


def bundle(path: Path, n_features: int) -> Callable[[], Score]:
    """Import what a bundle needs; return what loads it."""
    from edge_agent import Scorer  # noqa: PLC0415  (part of what is measured)

    def load() -> Score:
        scorer = Scorer.open(path)
        return lambda: scorer.score(array("f", bytes(4 * n_features)))

    return load


def onnx(path: Path, n_features: int) -> Callable[[], Score]:
    """Import what onnxruntime needs; return what loads the model."""
    import numpy as np  # noqa: PLC0415  (part of what is measured)
    import onnxruntime  # noqa: PLC0415  (the same)

    def load() -> Score:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        row = session.get_inputs()[0]
        shape = [1, *row.shape[1:]] if len(row.shape) > 1 else [1, n_features]
        return lambda: session.run(None, {row.name: np.zeros(shape, np.float32)})

    return load


def resident_mb() -> float:
    """Read this process's resident memory, in MB of 10^6 bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    """Load, score, tell."""
    kind, path, n_features = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    start = time.process_time()
    load = {"plan": plan, "bundle": bundle, "onnx": onnx}[kind](path, n_features)
    imported = time.process_time()
    score = load()
    score()
    scored = time.process_time()
    figures = (1e3 * (scored - imported), 1e3 * (imported - start), resident_mb())
    print('{{"load_ms": {:.4f}, "import_ms": {:.4f}, "resident_mb": {:.3f}}}'.format(*figures))


if __name__ == "__main__":
    main()
