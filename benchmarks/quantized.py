"""What ``leeway-compiler compile --quantize`` saves and costs.

Run ``python -m benchmarks.quantized``; it prints the page and writes ``benchmarks/results/quantized.md``.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.data import Data
from benchmarks.machine import ROOT, describe
from benchmarks.models import WORKLOADS
from benchmarks.timing import Pace, stopwatch, take_turns
from compiler.backends.artifact import EmittedArtifact
from compiler.backends.plan import emit
from compiler.checks import Figure
from compiler.frontends.model_object import source_of
from compiler.quantization import Method, Quantization, quantize

RESULTS = ROOT / "benchmarks" / "results" / "quantized.md"
_CASES: tuple[tuple[str, Method], ...] = (
    ("B", "thresholds"),
    ("C", "thresholds"),
    ("F", "thresholds"),
    ("E", "float16"),
    ("E", "int8"),
)
_BATCH = 1024
_PACE = Pace(rounds=15, round_s=0.05, limit_s=20.0)

_HEAD = f"""# Quantized plans

`python -m benchmarks.quantized`. Before and after, in one run, by turns. The score is the accuracy (R2 of a regression)
on the training rows; an isolation forest has no labels, so that its own scores are the truth. A row's time in a batch
of {_BATCH:,} is the processor's; one row's is the least of several rounds through 2,000 rows, from Python.
{{machine}}.

| model | quantized to | score | kB | of before | one row, µs | in a batch, µs |
|---|---|---|---|---|---|---|
"""


def _labels(estimator: Any, given: Data) -> Any:
    if hasattr(estimator, "classes_"):
        return np.searchsorted(estimator.classes_, given.target).astype(float)
    return given.target


def _line(letter: str, method: Method) -> str:
    given = WORKLOADS[letter].data(scored=_BATCH)
    estimator = WORKLOADS[letter].train(given)
    source, sample, figures = source_of(estimator), given.sample, dict[str, Figure]()
    truth = source.score(sample)
    labels = truth[:, 0] if letter == "F" else _labels(estimator, given)
    wanted = Quantization(method, accuracy_loss=np.inf)
    quantized, _ = quantize(source, wanted, sample, truth, labels, figures)
    batches = {
        name: stopwatch(EmittedArtifact("plan", emit(each.to_graph())).scorer(), [given.rows])
        for name, each in (("before", source), ("after", quantized))
    }
    seconds = take_turns(batches, _PACE)
    score = "accuracy" if "accuracy_before" in figures else "r2"
    return " | ".join(
        (
            f"| {letter}: {WORKLOADS[letter].name}",
            method,
            _pair(figures, score, "{:.4f}"),
            f"{_number(figures['bytes_before']) / 1e3:.1f} → {_number(figures['bytes_after']) / 1e3:.1f}",
            f"{_number(figures['bytes_after']) / _number(figures['bytes_before']):.2f}",
            _pair(figures, "one_row_us", "{:.2f}"),
            f"{seconds['before'] / _BATCH * 1e6:.3f} → {seconds['after'] / _BATCH * 1e6:.3f} |",
        )
    )


def _number(figure: Figure) -> float:
    return float(figure or 0.0)


def _pair(figures: dict[str, Figure], name: str, form: str) -> str:
    return " → ".join(form.format(_number(figures[f"{name}_{when}"])) for when in ("before", "after"))


def _lines() -> Iterator[str]:
    for letter, method in _CASES:
        print(f"{letter}: {method}", flush=True)
        yield _line(letter, method)


def main() -> None:
    """Measure, print and keep the figures."""
    text = _HEAD.format(machine=describe()) + "\n".join(_lines()) + "\n"
    print(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
