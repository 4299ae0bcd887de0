"""What the statistics of a row cost: the limit is 0.5 us for 30 features, in the same process.

Run ``python -m benchmarks.sketches``; it prints the figures and writes ``benchmarks/results/sketches.md``.
"""

import platform
import sys
import time
from array import array
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.backends.plan import emit
from compiler.baseline import build_baseline
from compiler.ir.lowering import lower_estimator
from device_contract.manifest import Feature, Output
from device_contract.plan.scorer import PlanScorer
from device_contract.sketches import RowSummarizer, decode_summary, encode_summary, merge

FEATURES = 30
TRAINING_ROWS = 20_000
WINDOW_ROWS = 2_000
LIMIT_US = 0.5
RESULTS = Path(__file__).parent / "results" / "sketches.md"


def best_us(run: Callable[[], object], per_run: int, repeats: int = 15) -> float:
    """Return the time of one of the ``per_run`` steps of a run, in microseconds: the best of the repeats."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) / per_run * 1e6


def measure() -> dict[str, float]:
    """Measure each figure, in one process."""
    numbers = np.random.default_rng(0)
    sample = numbers.normal(5.0, 2.0, (TRAINING_ROWS, FEATURES)).astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(sample, sample[:, 0] > sample[:, 1])
    features = tuple(Feature(name=f"sensor-{i}") for i in range(FEATURES))
    probabilities = model.predict_proba(sample)
    outputs = tuple(Output(name=f"probability-{i}") for i in range(probabilities.shape[1]))
    baseline = build_baseline(features, outputs, sample, probabilities)
    scorer = PlanScorer(emit(lower_estimator(model)))
    rows = [array("f", row) for row in numbers.normal(5.0, 2.0, (WINDOW_ROWS, FEATURES)).astype(np.float32)]
    scores = array("d", bytes(8 * scorer.n_outputs))
    summarizer = RowSummarizer(baseline)
    score, update = scorer.score_into, summarizer.update

    def call_only() -> None:
        for _row in rows:
            pass

    def update_only() -> None:
        for row in rows:
            update(row, scores)

    def score_only() -> None:
        for row in rows:
            score(row, scores)

    def score_and_update() -> None:
        for row in rows:
            score(row, scores)
            update(row, scores)

    loop_us = best_us(call_only, WINDOW_ROWS)
    figures = {
        "statistics of one row, us": best_us(update_only, WINDOW_ROWS) - loop_us,
        "score of one row (scaler + logistic regression, plan), us": best_us(score_only, WINDOW_ROWS) - loop_us,
        "score and statistics of one row, us": best_us(score_and_update, WINDOW_ROWS) - loop_us,
    }
    summarizer.take()
    score_and_update()
    for latency_ns in numbers.lognormal(8.0, 0.5, WINDOW_ROWS).astype(int).tolist():
        summarizer.observe_latency_ns(latency_ns)
    window = summarizer.take()
    data = encode_summary(window)
    return figures | {
        f"a summary of {WINDOW_ROWS} rows, bytes": len(data),
        "encode a summary, us": best_us(lambda: encode_summary(window), 1),
        "decode a summary, us": best_us(lambda: decode_summary(data, baseline), 1),
        "merge two summaries, us": best_us(lambda: merge(window, window), 1),
    }


def main() -> int:
    """Measure, print, write; 1 if the statistics of a row cost more than is allowed."""
    figures = measure()
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, Cython {version('cython')}"
    lines = [
        "# The cost of the statistics",
        "",
        f"`python -m benchmarks.sketches`, {FEATURES} features and 2 outputs, rows one at a time, best of 15 runs.",
        f"{platform.system()} {platform.machine()}, {versions}.",
        "",
        "| what | measured |",
        "|---|---|",
        *(f"| {what} | {value:.4g} |" for what, value in figures.items()),
        "",
        f"Allowed for the statistics of one row: {LIMIT_US} us.",
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return 0 if figures["statistics of one row, us"] <= LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
