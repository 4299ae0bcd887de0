"""One row through ``Scorer.score`` on a plan, against onnxruntime and scikit-learn, as ratios of one run.

The target is 25 times the speed of onnxruntime with IO binding for scaler + logistic
regression of 30 features, and 5 times for a random forest of 100 trees. The peer is given
every help: one thread, the input and output of each row bound beforehand, no score read out.
Ours opens numpy's row each time and gives Python floats back. All score the same rows, and
their rounds take turns, so that a slow moment of the machine meets each of them.

Run ``python -m benchmarks.scoring``; it prints the table and writes
``benchmarks/results/scoring.md``.
"""

import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler import compile_model
from device_contract.bundle import open_file
from edge_agent import Scorer

ROOT = Path(__file__).resolve().parent.parent
FEATURES = 30
DISTINCT_ROWS = 1024
"""One row again and again would let the processor learn its way through the trees."""
ROUNDS = 41
ROUND_S = 0.02
RESULTS = ROOT / "benchmarks" / "results" / "scoring.md"
Scoring = Callable[[int], None]
"""Scores that many rows, one at a time."""


@dataclass(frozen=True)
class Workload:
    """A model, and how many times as fast as onnxruntime with IO binding it must be."""

    name: str
    model: Any
    n_classes: int
    required: float


WORKLOADS = (
    Workload(
        "scaler + logistic regression, 30 features",
        make_pipeline(StandardScaler(), LogisticRegression()),
        2,
        25.0,
    ),
    Workload(
        "random forest, 100 trees, depth <= 10, 3 classes",
        RandomForestClassifier(100, max_depth=10, random_state=0, n_jobs=1),
        3,
        5.0,
    ),
)


@dataclass(frozen=True)
class Timing:
    """What one scorer took for one row."""

    scorer: str
    median_us: float


def measure(workload: Workload, folder: Path) -> list[Timing]:
    """Compile the model both ways and time all scorers in turns; ours comes first, the peer second."""
    rows, target = make_classification(5000, FEATURES, n_informative=12, n_classes=workload.n_classes, random_state=0)
    rows = rows.astype(np.float32)
    model = workload.model.fit(rows, target)
    bundle = compile_model(model, rows, name="benchmark", version="1", kind="both").write(folder)
    rows = rows[:DISTINCT_ROWS]
    scorers = {
        "Leeway, plan": _plan(bundle, rows),
        "onnxruntime, IO binding": _io_binding(bundle, rows),
        "onnxruntime, run": _run(bundle, rows),
        "scikit-learn": _scikit_learn(model, rows),
    }
    return [Timing(name, 1e6 * median_s) for name, median_s in _take_turns(scorers).items()]


def _take_turns(scorers: dict[str, Scoring]) -> dict[str, float]:
    """Return the median over rounds of one row's seconds."""
    repeats = {name: _repeats(score) for name, score in scorers.items()}
    seconds: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(ROUNDS):
        for name, score in scorers.items():
            seconds[name].append(_time(score, repeats[name]) / repeats[name])
    return {name: float(np.median(values)) for name, values in seconds.items()}


def _repeats(score: Scoring) -> int:
    """Return how many rows fill a round."""
    score(3)
    return max(3, int(ROUND_S / (_time(score, 3) / 3)))


def _time(score: Scoring, repeats: int) -> float:
    start = time.perf_counter()
    score(repeats)
    return time.perf_counter() - start


def _plan(bundle: Path, rows: NDArray[np.float32]) -> Scoring:
    scorer = Scorer.open(bundle)
    return partial(_each, scorer.score, [row.copy() for row in rows])


def _io_binding(bundle: Path, rows: NDArray[np.float32]) -> Scoring:
    session, input_name, output_name = _session(bundle)
    scores = session.run([output_name], {input_name: rows[:1]})[0]
    bindings = []
    for row in rows:
        binding = session.io_binding()
        binding.bind_ortvalue_input(input_name, onnxruntime.OrtValue.ortvalue_from_numpy(row.reshape(1, -1).copy()))
        binding.bind_ortvalue_output(output_name, onnxruntime.OrtValue.ortvalue_from_numpy(scores.copy()))
        bindings.append(binding)
    return partial(_each, session.run_with_iobinding, bindings)


def _run(bundle: Path, rows: NDArray[np.float32]) -> Scoring:
    session, input_name, output_name = _session(bundle)
    inputs = [{input_name: row.reshape(1, -1).copy()} for row in rows]
    return partial(_each, partial(session.run, [output_name]), inputs)


def _scikit_learn(model: Any, rows: NDArray[np.float32]) -> Scoring:  # noqa: ANN401  (any classifier)
    return partial(_each, model.predict_proba, [row.reshape(1, -1).copy() for row in rows])


def _each(score: Callable[[Any], Any], rows: list[Any], repeats: int) -> None:
    for row in islice(cycle(rows), repeats):
        score(row)


def _session(bundle: Path) -> tuple[Any, str, str]:
    opened = open_file(bundle)
    artifact = opened.manifest.artifact("onnx")
    assert artifact is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    data = bytes(opened.files[artifact.file.path])
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session, artifact.onnx_input, artifact.onnx_output


def _table(workload: Workload, timings: list[Timing]) -> str:
    ours = timings[0].median_us
    lines = [f"| {timing.scorer} | {timing.median_us:.3g} | {timing.median_us / ours:.1f} |" for timing in timings]
    head = [f"## {workload.name}", "", "| scorer | one row, us | times ours |", "|---|---|---|"]
    return "\n".join([*head, *lines, "", f"Required against IO binding: {workload.required:g}."])


def main() -> None:
    """Measure, print and keep the figures; a missed requirement is a non-zero exit code."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "onnxruntime", "scikit-learn", "Cython"))
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}"
    head = f"# The speed of one row\n\n`python -m benchmarks.scoring`, one thread, median of {ROUNDS} rounds in turns."
    parts, missed = [f"{head}\n{machine}."], []
    for workload in WORKLOADS:
        with tempfile.TemporaryDirectory() as folder:
            timings = measure(workload, Path(folder))
        parts.append(_table(workload, timings))
        if timings[1].median_us < workload.required * timings[0].median_us:
            missed.append(workload.name)
    text = "\n\n".join(parts) + "\n"
    print(text)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)
    if missed:
        sys.exit(f"slower than required: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
