"""One artifact in a process of its own: what loading it and scoring with it take on this machine.

``compiler.benchmark`` runs this file as a script, so that the process holds Python, the bundle
and the scorer, as an application on a device does, and nothing of the compiler. The plan is
scored by the very methods that the agent's ``Scorer`` hands out; ONNX by onnxruntime with one
thread. Prints one line of JSON; whatever is wrong with the bundle is the last line on standard error.
"""

import array
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from device_contract.bundle import Bundle, open_file
from device_contract.errors import ContractError
from device_contract.manifest import Artifact
from device_contract.plan.scorer import PlanScorer
from device_contract.selftest import SelfTestVectors, decode_self_test

Floats = "array.array[float]"
_MAX_TIMED_ROWS = 500_000
_BATCH_ROWS = 1024
_MAX_BATCH_BYTES = 16 << 20
_WARM_UP_ROUNDS = 20
_STATUS = Path("/proc/self/status")


class Scorer(Protocol):
    """What both kinds of artifact can do."""

    def score_into(self, row: Any, out: Any, /) -> None:  # noqa: ANN401  (any buffer)
        """Score one row."""

    def score_batch(self, rows: Any, n_rows: int, out: Any, /) -> None:  # noqa: ANN401  (any buffer)
        """Score many."""


class OnnxScorer:
    """An ONNX model; the libraries are loaded when it is made."""

    def __init__(self, data: memoryview, artifact: Artifact) -> None:
        import numpy as np  # noqa: PLC0415  (not in the process of a plan)
        import onnxruntime  # noqa: PLC0415  (the same)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(bytes(data), options, providers=["CPUExecutionProvider"])
        self._numpy = np
        self._input, self._outputs = artifact.onnx_input, [artifact.onnx_output]

    def score_into(self, row: "array.array[float]", out: "array.array[float]") -> None:
        """Score one row."""
        self.score_batch(row, 1, out)

    def score_batch(self, rows: "array.array[float]", n_rows: int, out: "array.array[float]") -> None:
        """Score many."""
        np = self._numpy
        source = np.frombuffer(rows, np.float32).reshape(n_rows, -1)
        np.frombuffer(out, np.float64)[:] = self._session.run(self._outputs, {self._input: source})[0].reshape(-1)


def measure(path: Path, kind: str, seconds: float) -> dict[str, float | int | None]:
    """Measure one artifact of a bundle.

    Args:
        path: The bundle.
        kind: The artifact's kind.
        seconds: How long to score: half of it row by row, half in batches.

    Returns:
        Times of one row in microseconds, of opening (archive and digests) and loading (up to the
        first score) in milliseconds, rows a second in batches, resident memory in bytes
        (``None`` where the system does not tell).

    Raises:
        ContractError: The bundle is not sound.
    """
    began_ns = time.perf_counter_ns()
    bundle = open_file(path)
    opened_ns = time.perf_counter_ns()
    vectors = decode_self_test(bundle.files[bundle.manifest.self_test.file.path])
    rows, out = vectors.rows(), array.array("d", bytes(8 * vectors.n_outputs))
    loading_ns = time.perf_counter_ns()
    scorer = _load(bundle, kind)
    scorer.score_into(rows[0], out)
    loaded_ns = time.perf_counter_ns()
    for row in rows * _WARM_UP_ROUNDS:
        scorer.score_into(row, out)
    if isinstance(scorer, PlanScorer) and scorer.n_explained:
        _explain(scorer, rows[0])
    rss_bytes = _resident_bytes()  # before the buffers of the measurement itself
    return {
        "open_ms": (opened_ns - began_ns) / 1e6,
        "load_ms": (loaded_ns - loading_ns) / 1e6,
        "rss_bytes": rss_bytes,
        **_percentiles(_time_rows(scorer.score_into, rows, out, seconds / 2)),
        "rows_per_s": _rows_per_s(scorer, vectors, seconds / 2),
    }


def _load(bundle: Bundle, kind: str) -> Scorer:
    artifact = next(each for each in bundle.manifest.artifacts if each.kind == kind)
    data = bundle.files[artifact.file.path]
    return PlanScorer(data) if kind == "plan" else OnnxScorer(data, artifact)


def _explain(scorer: PlanScorer, row: "array.array[float]") -> None:
    """Explain a row, as the agent does for its reports: what that takes is kept."""
    scorer.explain_into(row, array.array("d", bytes(8 * (scorer.n_features + 1) * scorer.n_explained)))


def _time_rows(
    score_into: Callable[[Any, Any], None],
    rows: "list[array.array[float]]",
    out: "array.array[float]",
    seconds: float,
) -> list[int]:
    """Return the time of each row, nanoseconds, the clock's own call included."""
    times_ns: list[int] = []
    clock, n_rows = time.perf_counter_ns, len(rows)
    end_ns = clock() + int(seconds * 1e9)
    while not times_ns or (len(times_ns) < _MAX_TIMED_ROWS and clock() < end_ns):
        row = rows[len(times_ns) % n_rows]
        began_ns = clock()
        score_into(row, out)
        times_ns.append(clock() - began_ns)
    return times_ns


def _percentiles(times_ns: list[int]) -> dict[str, float | int]:
    ordered = sorted(times_ns)

    def at(share: float) -> float:
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] / 1000

    return {
        "timed_rows": len(ordered),
        "p50_us": at(0.5),
        "p90_us": at(0.9),
        "p99_us": at(0.99),
        "max_us": at(1.0),
    }


def _rows_per_s(scorer: Scorer, vectors: SelfTestVectors, seconds: float) -> float:
    n_rows = max(1, min(_BATCH_ROWS, _MAX_BATCH_BYTES // (4 * vectors.n_features)))
    rows = [vectors.rows()[number % vectors.n_rows] for number in range(n_rows)]
    batch: array.array[float] = array.array("f", b"".join(row.tobytes() for row in rows))
    out = array.array("d", bytes(8 * n_rows * vectors.n_outputs))
    scored, began_ns, now_ns = 0, time.perf_counter_ns(), 0
    end_ns = began_ns + int(seconds * 1e9)
    while now_ns < end_ns:
        scorer.score_batch(batch, n_rows, out)
        scored += n_rows
        now_ns = time.perf_counter_ns()
    return scored / ((now_ns - began_ns) / 1e9)


def _resident_bytes() -> int | None:
    """Return the resident memory of this process, if this is Linux."""
    if not _STATUS.exists():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["VmRSS"].split()[0]) * 1024


if __name__ == "__main__":
    try:
        print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))  # noqa: T201  (to its parent)
    except (ContractError, ImportError) as error:
        sys.exit(str(error))
