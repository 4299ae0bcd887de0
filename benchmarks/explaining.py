"""What contributions cost beside the score: at most 1.5 times as much.

Run ``python -m benchmarks.explaining``; it prints the page and writes ``benchmarks/results/explaining.md``.
It ends with exit code 1 where the limit is missed.
"""

import sys
import time
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import ROOT, describe
from benchmarks.models import WORKLOADS
from benchmarks.timing import Pace, Stretch, stopwatch, take_turns
from compiler.backends.plan import emit
from compiler.frontends.model_object import source_of
from device_contract.plan.scorer import PlanScorer

RESULTS = ROOT / "benchmarks" / "results" / "explaining.md"
LIMIT = 1.5
"""How many times the cost of a row's score its contributions may cost."""
_LETTERS = "ABCDFH"
_BATCH = 1024
_PACE = Pace(rounds=15, round_s=0.05, limit_s=30.0)

_HEAD = f"""# What contributions cost beside the score

`python -m benchmarks.explaining`, one thread, from Python: `PlanScorer.explain_into` against `PlanScorer.score` and
`PlanScorer.score_batch` of the same plan, compiled with `--explain`, by turns. Times are the processor's, for one row
of {_BATCH:,} distinct ones. Rows are explained one by one; there is no explanation by the batch. Required is at most
{LIMIT:g} times the cost of the score. {{machine}}.

| model | score, µs | in a batch, µs | explain, µs | times the score | | times the score in a batch | |
|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Costs:
    """What one row of a model costs.

    Attributes:
        letter: The model.
        score_us: Scored alone.
        batch_us: Scored in a batch.
        explain_us: Explained.
    """

    letter: str
    score_us: float
    batch_us: float
    explain_us: float

    @property
    def ratio(self) -> float:
        """How many times the cost of a row scored alone its contributions cost."""
        return self.explain_us / self.score_us

    @property
    def batch_ratio(self) -> float:
        """The same of a row scored in a batch."""
        return self.explain_us / self.batch_us

    def line(self) -> str:
        """Write the costs as a line of the page's table."""
        times = f"{self.score_us:.3g} | {self.batch_us:.3g} | {self.explain_us:.3g}"
        ratios = " | ".join(f"{ratio:.2f} | {verdict(ratio)}" for ratio in (self.ratio, self.batch_ratio))
        return f"| {self.letter}: {WORKLOADS[self.letter].name} | {times} | {ratios} |"


def verdict(ratio: float) -> str:
    """Hold a ratio to the limit."""
    return "met" if ratio <= LIMIT else "**missed**"


def missed(costs: list[Costs]) -> list[str]:
    """Name the models whose contributions cost too much, against rows scored alone and in a batch."""
    alone = [f"{each.letter}: one row" for each in costs if each.ratio > LIMIT]
    return alone + [f"{each.letter}: batches" for each in costs if each.batch_ratio > LIMIT]


def measure(letter: str) -> Costs:
    """Train a model and measure its plan."""
    given = WORKLOADS[letter].data(scored=_BATCH)
    graph = source_of(WORKLOADS[letter].train(given)).to_graph()
    scorer = PlanScorer(emit(graph, given.sample))
    rows = [np.ascontiguousarray(row) for row in given.rows]
    scores = np.empty((_BATCH, scorer.n_outputs))
    batch = partial(scorer.score_batch, n_rows=_BATCH, out=scores)
    seconds = take_turns(
        {
            "score": stopwatch(scorer.score, rows),
            "batch": stopwatch(batch, [given.rows]),
            "explain": _explaining(scorer, rows),
        },
        _PACE,
    )
    return Costs(letter, seconds["score"] * 1e6, seconds["batch"] * 1e6 / _BATCH, seconds["explain"] * 1e6)


def _explaining(scorer: PlanScorer, rows: list[NDArray[np.float32]]) -> Stretch:
    """Return a stretch that explains rows in turn into one buffer; the first row makes the tables."""
    explain, out = scorer.explain_into, np.empty((scorer.n_features + 1, scorer.n_explained))
    explain(rows[0], out)

    def stretch(calls: int) -> float:
        chosen = list(islice(cycle(rows), calls))
        start = time.process_time()
        for row in chosen:
            explain(row, out)
        return time.process_time() - start

    return stretch


def main() -> None:
    """Measure, print and keep the figures."""
    costs = []
    for letter in _LETTERS:
        print(f"{letter}: explaining", flush=True)
        costs.append(measure(letter))
    text = _HEAD.format(machine=describe()) + "\n".join(each.line() for each in costs) + "\n"
    print(text)
    RESULTS.write_text(text)
    if found := missed(costs):
        sys.exit("missed: " + "; ".join(found))


if __name__ == "__main__":
    main()
