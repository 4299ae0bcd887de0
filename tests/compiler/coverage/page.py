"""``docs/coverage.md``: which scikit-learn estimators run on a device, and how.

``python -m tests.compiler.coverage.page`` writes it; a test holds the committed page to a run.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import skl2onnx
import sklearn

from tests.compiler.coverage.estimators import CASES, NOT_ROWS
from tests.compiler.coverage.measurement import BOUNDS, Coverage, measure

PAGE: Final = Path(__file__).parents[3] / "docs" / "coverage.md"
_KINDS: Final = ("classifier", "regressor", "outlier detector", "clusterer", "transformer", "composition")
_NOTE_CHARACTERS: Final = 110


def line(name: str, coverage: Coverage) -> str:
    """Return an estimator's line of the table."""
    difference = "" if coverage.difference is None else _bound(coverage.difference)
    plan = "yes" if coverage.difference is not None else "no"
    onnx = "yes" if coverage.converts else "no"
    return f"| {name} | {CASES[name].kind} | {onnx} | {plan} | {difference} | {_shortened(coverage.note)} |"


def _bound(difference: float) -> str:
    return next((f"{bound:.0e}" for bound in BOUNDS if difference <= bound), "more")


def _shortened(note: str) -> str:
    plain = note.replace("|", "/")
    return plain if len(plain) <= _NOTE_CHARACTERS else plain[: _NOTE_CHARACTERS - 4] + " ..."


def share(table: Mapping[str, Coverage]) -> tuple[int, int]:
    """Return how many of the estimators that can run on a device have a plan, and how many there are."""
    counted = [coverage for coverage in table.values() if coverage.counts]
    return sum(coverage.difference is not None for coverage in counted), len(counted)


def page(table: Mapping[str, Coverage]) -> str:
    """Return the whole page."""
    single = {name: coverage for name, coverage in table.items() if CASES[name].kind != "composition"}
    planned, counted = share(single)
    lines = [
        "# What runs on a device",
        "",
        f"**{planned} of {counted}** estimators that can run on a device have a plan: {100 * planned // counted} %.",
        "",
        "Those that can run are the ones that skl2onnx converts, or that a plan takes directly. What has no plan is",
        "carried as ONNX, and the compiler says what is missing.",
        f"Measured by `make coverage` with scikit-learn {sklearn.__version__} and skl2onnx {skl2onnx.__version__};",
        "a test holds this page to a run.",
        "",
        "Each is fitted on a tiny data set and scored on its rows, on rows at and beside the values where models",
        "decide, and on missing values where it takes them. The difference is the largest one to scikit-learn's own",
        "float64 scores, over the largest score (at least 1), as an upper bound.",
        "",
        "The classifiers, regressors, outlier detectors, clusterers and transformers are those of",
        "`sklearn.utils.all_estimators()`, but for those whose input is no row of numbers: " + _listed() + ".",
        "",
        "| estimator | kind | converts to onnx | has a plan | largest difference | note |",
        "|---|---|---|---|---|---|",
    ]
    ordered = sorted(table, key=lambda name: (_KINDS.index(CASES[name].kind), list(CASES).index(name)))
    return "\n".join([*lines, *(line(name, table[name]) for name in ordered), ""])


def _listed() -> str:
    return ", ".join(f"`{name}`" for name in sorted(NOT_ROWS))


if __name__ == "__main__":
    PAGE.write_text(page({name: measure(case) for name, case in CASES.items()}))
    sys.stdout.write(PAGE.read_text().splitlines()[2] + "\n")
