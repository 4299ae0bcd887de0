"""Prints what this processor makes of bundles, each number to its last bit; the tests compare processors.

Usage: score_bundles.py BUNDLE ...
"""

import array
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from device_contract.baseline import decode_baseline
from device_contract.bundle import Bundle, open_file
from device_contract.frames import Frame, Framer
from device_contract.plan.scorer import PlanScorer
from device_contract.selftest import decode_self_test
from device_contract.sketches import RowSummarizer, encode_summary
from edge_agent import Scorer

RANDOM_ROWS = 60
RANDOM_SAMPLES = 700


def rows_of(bundle: Bundle) -> list["array.array[float]"]:
    """The bundle's golden rows, then rows of random bits: NaN, infinities, denormals, numbers of any size."""
    vectors = decode_self_test(bundle.files[bundle.manifest.self_test.file.path])
    chosen = random.Random(0)
    wild = [array.array("f", chosen.randbytes(4 * vectors.n_features)) for _ in range(RANDOM_ROWS)]
    return vectors.rows() + wild


def lines(path: Path) -> Iterator[str]:
    bundle = open_file(path)
    scorer = Scorer.from_bundle(bundle)
    baseline = decode_baseline(bundle.files[bundle.manifest.baseline.path])
    summarizer = RowSummarizer(baseline)
    rows = rows_of(bundle)
    n_outputs = len(bundle.manifest.outputs)
    together = scorer.score_batch(rows)
    for number, row in enumerate(rows):
        scores = array.array("d", bytes(8 * n_outputs))
        scorer.score_into(row, scores)
        summarizer.update(row, scores)
        batch = together[number * n_outputs : (number + 1) * n_outputs]
        in_batch = "" if bits(batch) == bits(scores) else f", in a batch {bits(batch)}"
        yield f"{path.name} {scorer.predict(row)} {bits(scores)}{in_batch}\n"
    yield f"{path.name} summary {encode_summary(summarizer.take(with_comoments=True), baseline).hex()}\n"
    yield from explained_lines(path, bundle, scorer, rows)
    yield from framed_lines(path)


def explained_lines(path: Path, bundle: Bundle, scorer: Scorer, rows: list["array.array[float]"]) -> Iterator[str]:
    """Each row's contributions, if the model explains itself."""
    if not scorer.n_explained:
        return
    size = (len(rows[0]) + 1) * scorer.n_explained
    together = explained_together(bundle, rows, size)
    for number, row in enumerate(rows):
        contributions = array.array("d", bytes(8 * size))
        scorer.explain_into(row, contributions)
        batch = together[number * size : (number + 1) * size]
        in_batch = "" if bits(batch) == bits(contributions) else f", in a batch {bits(batch)}"
        yield f"{path.name} explained {bits(contributions)}{in_batch}\n"


def explained_together(bundle: Bundle, rows: list["array.array[float]"], size: int) -> "array.array[float]":
    """The contributions of all rows, in one call."""
    plan = bundle.manifest.artifact("plan")
    assert plan is not None
    joined, contributions = array.array("f"), array.array("d", bytes(8 * size * len(rows)))
    for row in rows:
        joined.extend(row)
    PlanScorer(bundle.files[plan.file.path]).explain_batch_into(joined, len(rows), contributions)
    return contributions


def framed_lines(path: Path) -> Iterator[str]:
    """Each frame's features and scores, of a stream of random samples; nothing for a model of rows."""
    scorer, chosen = Scorer.open(path), random.Random(0)
    frame = scorer.manifest.frame
    if not isinstance(frame, Frame):
        return
    framer, stream = Framer(frame), [[chosen.random() for _ in frame.channels] for _ in range(RANDOM_SAMPLES)]
    for sample in stream:
        score = scorer.push(sample)
        if framer.push(sample):
            yield f"{path.name} {bits(framer.row)} {score}\n"


def bits(scores: "array.array[float]") -> str:
    """Every bit but NaN's, which processors choose."""
    return " ".join(score.hex() for score in scores)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.writelines(lines(Path(name)))
