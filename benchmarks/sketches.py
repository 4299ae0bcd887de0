"""What the statistics of a row cost with everything on: at most 0.4 us for 30 features, and 1.2 KB a report.

Run ``python -m benchmarks.sketches``; it prints the figures and writes ``benchmarks/results/sketches.md``.
"""

import platform
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.backends.plan import emit
from compiler.baseline import build_baseline
from compiler.ir.lowering import lower_estimator
from device_contract.baseline import Baseline
from device_contract.manifest import Feature, Output
from device_contract.plan.scorer import PlanScorer
from device_contract.sketches import (
    STREAM_NUMBERS,
    WINDOW_NUMBERS,
    Resources,
    RowSummarizer,
    SummaryReader,
    WindowSummary,
    decode_summary,
    encode_summary,
    merge,
)

FEATURES = 30
CAUSES = 6
TRAINING_ROWS = 20_000
WINDOW_ROWS = 2_000
READ_AT_ONCE = 100
EXPLAINED_ROWS = 100
LIMITS = MappingProxyType(
    {
        "everything of one row, us": 0.4,
        f"a summary of {WINDOW_ROWS} rows with everything but the daily co-moments, bytes": 1_200.0,
        "read a summary into flat arrays, us": 20.0,
    }
)
RESULTS = Path(__file__).parent / "results" / "sketches.md"


@dataclass(frozen=True)
class Bench:
    """What is measured: a model of two classes over sensors that move together.

    Attributes:
        baseline: Its baseline.
        scorer: Its plan.
        rows: Rows of a window.
        scores: Room for the scores of one.
    """

    baseline: Baseline
    scorer: PlanScorer
    rows: "list[array[float]]"
    scores: "array[float]"


def bench() -> Bench:
    """Train the model, and draw a window that is like the training."""
    numbers = np.random.default_rng(0)
    loadings = numbers.normal(size=(CAUSES, FEATURES))

    def draw(rows: int) -> np.ndarray:
        moved = numbers.normal(size=(rows, CAUSES)) @ loadings
        return (5.0 + moved + numbers.normal(size=(rows, FEATURES))).astype(np.float32)

    sample = draw(TRAINING_ROWS)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(sample, sample[:, 0] > sample[:, 1])
    features = tuple(Feature(name=f"sensor-{i}") for i in range(FEATURES))
    outputs = (Output(name="probability.no"), Output(name="probability.yes"))
    baseline = build_baseline(features, outputs, sample, model.predict_proba(sample), is_classifier=True)
    scorer = PlanScorer(emit(lower_estimator(model), sample))
    rows = [array("f", row) for row in draw(WINDOW_ROWS)]
    return Bench(baseline, scorer, rows, array("d", bytes(8 * scorer.n_outputs)))


def best_us(run: Callable[[], object], per_run: int, repeats: int = 15) -> float:
    """Return the time of one of the ``per_run`` steps of a run, in microseconds: the best of the repeats."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) / per_run * 1e6


def measure_rows(given: Bench) -> dict[str, float]:
    """Measure what a row costs: the calls and the loop's own time apart."""
    plain = msgspec.structs.replace(given.baseline, projection=None, correlations=b"", score=None)
    score, rows, scores = given.scorer.score_into, given.rows, given.scores
    streams_only, everything = RowSummarizer(plain), RowSummarizer(given.baseline)

    def nothing() -> None:
        for _row in rows:
            pass

    def count_streams() -> None:
        for row in rows:
            streams_only.update(row, scores)

    def count_everything() -> None:
        for row in rows:
            everything.update(row, scores)
            everything.observe_latency_ns(1_234)

    def score_only() -> None:
        for row in rows:
            score(row, scores)

    loop_us = best_us(nothing, WINDOW_ROWS)
    return {
        "streams of one row, us": best_us(count_streams, WINDOW_ROWS) - loop_us,
        "everything of one row, us": best_us(count_everything, WINDOW_ROWS) - loop_us,
        "score of one row (scaler + logistic regression, plan), us": best_us(score_only, WINDOW_ROWS) - loop_us,
    }


def window_of(given: Bench, *, with_comoments: bool) -> WindowSummary:
    """Make a window as a device does: scored, timed, and now and then explained."""
    summarizer, numbers = RowSummarizer(given.baseline), np.random.default_rng(1)
    contributions = array("d", bytes(8 * (FEATURES + 1) * given.scorer.n_explained))
    latencies_ns = numbers.lognormal(8.0, 0.5, WINDOW_ROWS).astype(int).tolist()
    for number, (row, latency_ns) in enumerate(zip(given.rows, latencies_ns, strict=True)):
        given.scorer.score_into(row, given.scores)
        summarizer.update(row, given.scores)
        summarizer.observe_latency_ns(latency_ns)
        if number % (WINDOW_ROWS // EXPLAINED_ROWS) == 0:
            given.scorer.explain_into(row, contributions)
            summarizer.observe_contributions(contributions)
    resources = Resources(cpu_ns=2_000_000_000, peak_rss_bytes=24 << 20)
    return msgspec.structs.replace(summarizer.take(with_comoments=with_comoments), resources=resources)


def measure_reports(given: Bench) -> dict[str, float]:
    """Measure what a report costs, on the device and on the server."""
    baseline, reader = given.baseline, SummaryReader(given.baseline)
    window, daily = (window_of(given, with_comoments=wanted) for wanted in (False, True))
    data = encode_summary(window, baseline)
    room = (
        np.zeros((READ_AT_ONCE, reader.n_streams, reader.n_bins), np.int64),
        np.zeros((READ_AT_ONCE, reader.n_streams, len(STREAM_NUMBERS))),
        np.zeros((READ_AT_ONCE, len(WINDOW_NUMBERS))),
        np.zeros((READ_AT_ONCE, reader.n_features)),
        np.zeros((READ_AT_ONCE, reader.n_comoments)),
    )
    return {
        f"a summary of {WINDOW_ROWS} rows with everything but the daily co-moments, bytes": len(data),
        "the same with the co-moments, bytes": len(encode_summary(daily, baseline)),
        "encode a summary, us": best_us(lambda: encode_summary(window, baseline), 1),
        "decode a summary, us": best_us(lambda: decode_summary(data, baseline), 1),
        "read a summary into objects with a reader that is kept, us": best_us(lambda: reader.read(data), 1),
        "read a summary into flat arrays, us": best_us(
            lambda: reader.read_rows([data] * READ_AT_ONCE, *room), READ_AT_ONCE
        ),
        "merge two summaries, us": best_us(lambda: merge(window, window), 1),
    }


def main() -> int:
    """Measure, print, write; 1 if something costs more than is allowed."""
    given = bench()
    figures = measure_rows(given) | measure_reports(given)
    versions = f"Python {platform.python_version()}, numpy {np.__version__}, Cython {version('cython')}"
    lines = [
        "# The cost of the statistics",
        "",
        f"`python -m benchmarks.sketches`, {FEATURES} features and 2 outputs, rows one at a time, best of 15 runs.",
        f"{platform.system()} {platform.machine()}, {versions}.",
        "",
        "Everything: the streams of features and outputs, the score's histogram, T² and Q of five components, the",
        "co-moments of all pairs, and the latency.",
        "",
        "| what | measured | allowed |",
        "|---|---|---|",
        *(f"| {what} | {value:.4g} | {LIMITS.get(what, '')} |" for what, value in figures.items()),
    ]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    return int(any(figures[what] > limit for what, limit in LIMITS.items()))


if __name__ == "__main__":
    sys.exit(main())
