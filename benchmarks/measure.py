"""One model, all contenders, in a process of its own: ``python -m benchmarks.measure LETTER [--quick] OUT.json``.

``benchmarks.scoring`` runs it for each model, with one thread allowed to every library.
"""

import argparse
import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from benchmarks.agreement import Task, compare
from benchmarks.contender import Contender, Rows, UnavailableError
from benchmarks.figures import BATCHES, Absent, Measured, Scored
from benchmarks.timing import Pace, take_turns
from benchmarks.trained import Trained, trained

_LOG = logging.getLogger(__name__)
CONTENDERS = (
    ("Leeway, plan", "leeway.prepare", "ABCDEFGHIJ"),
    ("onnxruntime", "onnx_runtime.prepare", "ABCDEFGHIJ"),
    ("lleaves", "lleaves.prepare", "C"),
    ("tl2cgen", "treelite.prepare_code", "BCDFH"),
    ("treelite GTIL", "treelite.prepare", "BCDFH"),
    ("m2cgen", "m2cgen.prepare", "ABCDEFHIJ"),
    ("training library", "library.prepare", "ABCDEFHIJ"),
    ("torch", "torch.prepare", "G"),
)
"""What to call it where it is absent, its function in ``benchmarks.peers``, and the models of its kind."""
_REFERENCES = ("scikit-learn", "lightgbm", "xgboost", "torch", "onnxruntime, run")
_TASKS: MappingProxyType[str, Task] = MappingProxyType({"C": "values", "J": "values", "F": "outliers"})
_COMPARED_ROWS = 4096
_DISTINCT_ROWS, _DISTINCT_BYTES = 1024, 4_000_000
"""One row again and again would let the processor learn its way through the trees."""
PACE = Pace(rounds=31, round_s=0.02, limit_s=45)
QUICK = Pace(rounds=5, round_s=0.005, limit_s=2)


def measure(model: Trained, pace: Pace, batches: Sequence[int] = BATCHES) -> Measured:
    """Prepare the contenders, compare their scores and time them in turns."""
    contenders, absent = _prepare(model)
    try:
        reference, scored = _measure(model, contenders, pace, batches)
    finally:
        for contender in contenders:
            contender.close()
    return Measured(model.letter, reference, scored, tuple(absent))


def _measure(
    model: Trained, contenders: Sequence[Contender], pace: Pace, batches: Sequence[int]
) -> tuple[str, tuple[Scored, ...]]:
    """Return the name of the contender that the others are compared with, and every figure."""
    compared = model.data.rows[:_COMPARED_ROWS]
    scores = {contender.name: contender.scores(compared) for contender in contenders}
    reference = next(name for name in _REFERENCES if name in scores)
    task = _TASKS.get(model.letter, "classes")
    seconds = {size: _time(contenders, model.data.rows, size, pace) for size in (1, *batches)}
    scored = []
    for name, found in scores.items():
        rates = {size: _digits(size / seconds[size][name]) for size in batches}
        difference, mismatches = compare(found, scores[reference], task)
        scored.append(Scored(name, _digits(1e6 * seconds[1][name]), rates, _digits(difference), mismatches))
    return reference, tuple(scored)


def _digits(value: float) -> float:
    """Round to what a measurement is worth."""
    return float(f"{value:.4g}")


def _prepare(model: Trained) -> tuple[list[Contender], list[Absent]]:
    contenders: list[Contender] = []
    absent = []
    for name, where, letters in CONTENDERS:
        if model.letter not in letters:
            continue
        module, function = where.split(".")
        prepare: Callable[[Trained], Sequence[Contender]]
        prepare = getattr(importlib.import_module(f"benchmarks.peers.{module}"), function)
        try:
            contenders += prepare(model)
        except UnavailableError as error:
            absent.append(Absent(name, str(error)))
            _LOG.info("%s: %s", name, error)
    return contenders, absent


def _time(contenders: Sequence[Contender], rows: Rows, size: int, pace: Pace) -> dict[str, float]:
    batches = list(_batches(rows, size))
    seconds = take_turns({contender.name: contender.stretch(batches) for contender in contenders}, pace)
    _LOG.info("%d rows: %s", size, ", ".join(f"{name} {1e6 * taken:.4g} us" for name, taken in seconds.items()))
    return seconds


def _batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Cut distinct rows into batches: at most as many as the processor's cache may hold, but one."""
    distinct = min(len(rows), _DISTINCT_ROWS, _DISTINCT_BYTES // rows[0].nbytes)
    for start in range(0, max(distinct - size, 0) + 1, size):
        yield rows[start : start + size]


def main() -> None:
    """Measure one model and write its figures."""
    arguments = argparse.ArgumentParser(description="Measure all contenders on one model.")
    arguments.add_argument("letter")
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--quick", action="store_true")
    given = arguments.parse_args()
    logging.basicConfig(format="  %(message)s")
    _LOG.setLevel(logging.INFO)
    warnings.simplefilter("ignore")  # the libraries' own, about each other's versions
    given.out.write_bytes(msgspec.json.encode(measure(trained(given.letter), QUICK if given.quick else PACE)))


if __name__ == "__main__":
    main()
