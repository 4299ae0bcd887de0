from typing import Any

import numpy as np
import pytest
from sklearn import decomposition, ensemble, impute, linear_model, preprocessing
from sklearn.pipeline import make_pipeline

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator

ROWS = np.random.default_rng(0).normal(size=(60, 3))
TARGET = (ROWS[:, 0] > 0).astype(int)


def fit(*steps: Any) -> Any:
    return make_pipeline(*steps).fit(ROWS, TARGET)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (fit(preprocessing.FunctionTransformer(np.sort), linear_model.Ridge()), "step FunctionTransformer of sort"),
        (fit(impute.KNNImputer(), linear_model.Ridge()), "step KNNImputer is not"),
        (
            fit(preprocessing.MinMaxScaler(), decomposition.LatentDirichletAllocation(2)),
            "step LatentDirichletAllocation is",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_what_a_plan_cannot_express(model: Any, told: str) -> None:
    with pytest.raises(UnsupportedModelError, match=told):
        lower_estimator(model)


def test_refuses_a_subclass_that_may_predict_in_another_way() -> None:
    class Doubled(linear_model.Ridge):  # type: ignore[misc]
        def predict(self, X: Any) -> Any:  # noqa: N803
            return 2 * super().predict(X)

    with pytest.raises(UnsupportedModelError, match="Doubled"):
        lower_estimator(Doubled().fit(ROWS, TARGET))


def test_refuses_several_class_targets() -> None:
    model = ensemble.RandomForestClassifier(2).fit(ROWS, np.stack([TARGET, 1 - TARGET], axis=1))
    with pytest.raises(UnsupportedModelError, match="several targets"):
        lower_estimator(model)


def test_gives_several_regression_targets() -> None:
    targets = np.stack([ROWS[:, 0], ROWS[:, 1]], axis=1)
    for model in (linear_model.Ridge(), ensemble.RandomForestRegressor(2)):
        assert lower_estimator(model.fit(ROWS, targets)).n_outputs == 2
