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

`python -m benchmarks.explaining`, one thread, from Python: `PlanScorer.explain_into` against `PlanScorer.score`, and
`PlanScorer.explain_batch_into` against `PlanScorer.score_batch`, of the same plan, compiled with `--explain`, by turns.
Times are the processor's, for one row of {_BATCH:,} distinct ones. Required is at most {LIMIT:g} times the cost of the
score. Kept is what the first explanation takes of memory, beside the plan. {{machine}}.

A batch's score compares 64 rows with a split at once, but each row's contributions are read from a line of each leaf
that it comes to, which costs as much in a batch as alone: that shows where the score takes little time for a tree (C),
a line is long (B has 60 contributions) or lines do not fit the processor's caches (H).

| model | plan, MB | kept, MB | score, µs | explain, µs | times | | batch: score, µs | explain, µs | times | |
|---|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Costs:
    """What one row of a model costs.

    Attributes:
        letter: The model.
        plan_bytes: The plan's size.
        kept_bytes: What explanations hold in memory beside it.
        score_us: Scored alone.
        explain_us: Explained alone.
        batch_us: Scored in a batch.
        explain_batch_us: Explained in a batch.
    """

    letter: str
    plan_bytes: int
    kept_bytes: int
    score_us: float
    explain_us: float
    batch_us: float
    explain_batch_us: float

    @property
    def ratio(self) -> float:
        """How many times the cost of a row scored alone its contributions cost."""
        return self.explain_us / self.score_us

    @property
    def batch_ratio(self) -> float:
        """The same of a row in a batch."""
        return self.explain_batch_us / self.batch_us

    def line(self) -> str:
        """Write the costs as a line of the page's table."""
        sizes = f"{self.plan_bytes / 1e6:.2g} | {self.kept_bytes / 1e6:.2g}"
        alone = f"{self.score_us:.3g} | {self.explain_us:.3g} | {self.ratio:.2f} | {verdict(self.ratio)}"
        batch = (
            f"{self.batch_us:.3g} | {self.explain_batch_us:.3g} | {self.batch_ratio:.2f} | {verdict(self.batch_ratio)}"
        )
        return f"| {self.letter}: {WORKLOADS[self.letter].name} | {sizes} | {alone} | {batch} |"


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
    plan = emit(source_of(WORKLOADS[letter].train(given)).to_graph(), given.sample)
    scorer = PlanScorer(plan)
    rows = [np.ascontiguousarray(row) for row in given.rows]
    scores = np.empty((_BATCH, scorer.n_outputs))
    contributions = np.empty((_BATCH, scorer.n_features + 1, scorer.n_explained))
    seconds = take_turns(
        {
            "score": stopwatch(scorer.score, rows),
            "explain": _explaining(scorer, rows),
            "batch": stopwatch(partial(scorer.score_batch, n_rows=_BATCH, out=scores), [given.rows]),
            "explain_batch": stopwatch(
                partial(scorer.explain_batch_into, n_rows=_BATCH, out=contributions), [given.rows]
            ),
        },
        _PACE,
    )
    return Costs(
        letter,
        len(plan),
        scorer.explain_bytes,
        seconds["score"] * 1e6,
        seconds["explain"] * 1e6,
        seconds["batch"] * 1e6 / _BATCH,
        seconds["explain_batch"] * 1e6 / _BATCH,
    )


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
    if found := missed(costs):
        text += f"\nMissed: {'; '.join(found)}.\n"
    print(text)
    RESULTS.write_text(text)
    if found:
        sys.exit(1)


if __name__ == "__main__":
    main()
