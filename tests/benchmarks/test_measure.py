"""Every contender scores a small model of each kind, and gives the training library's scores."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks import data, models
from benchmarks.conversion import to_onnx
from benchmarks.measure import measure
from benchmarks.models import WORKLOADS, Workload
from benchmarks.timing import Pace
from benchmarks.trained import Trained

PACE = Pace(rounds=3, round_s=1e-6, limit_s=1)
SMALL: dict[str, dict[str, Any]] = {
    "A": {},
    "B": {"train": partial(models.random_forest, trees=3, depth=4)},
    "C": {"train": partial(models.lightgbm, trees=3)},
    "D": {"train": partial(models.xgboost, trees=3)},
    "E": {"data": partial(data.classes, 300, n_classes=3)},
    "F": {"train": partial(models.isolation_forest, trees=3)},
    "G": {},
    "H": {"train": partial(models.random_forest, trees=3, depth=6)},
    "I": {"data": partial(data.wide, 200, 300)},
    "J": {"data": partial(data.values, 30)},
}
_WITH_PLAN = "ABHI"


@pytest.mark.slow
@pytest.mark.parametrize("letter", SMALL)
def test_contenders_agree_with_the_training_library(letter: str, tmp_path: Path) -> None:
    workload: Workload = replace(WORKLOADS[letter], **SMALL[letter])
    given = workload.data(scored=256)
    estimator = workload.train(given)
    model = Trained(workload, estimator, to_onnx(letter, estimator, given.sample.shape[1]), given, tmp_path)
    measured = measure(model, PACE, batches=(4, 16))
    found = {one.scorer for one in measured.scored}
    assert {"onnxruntime, IO binding", "onnxruntime, run", measured.reference} <= found
    assert "Leeway, plan" in found or letter not in _WITH_PLAN
    for scored in measured.scored:
        assert scored.row_us > 0
        assert min(scored.rows_per_s.values()) > 0
        assert not scored.mismatches, scored.scorer
        assert scored.max_difference < (1e-2 if letter in "CJ" else 1e-5), scored.scorer
