import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, RobustScaler, StandardScaler

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    FLOAT32_ROUNDING,
    assert_agrees,
    assert_refuses_missing_values,
    plan_scores,
    rows_and_classes,
    rows_and_values,
    trial_rows,
)

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies(activation: str, n_classes: int) -> None:
    rows, classes = rows_and_classes(n_classes)
    model = MLPClassifier((9, 5), activation, max_iter=20, random_state=0).fit(rows.astype(np.float64), classes)
    assert_agrees(model, trial_rows(), FLOAT32_ROUNDING)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_regresses(activation: str, loss: str) -> None:
    rows, values = rows_and_values()
    model = MLPRegressor(loss, (9, 20), activation, max_iter=20, random_state=0)
    assert_agrees(model.fit(rows.astype(np.float64), np.exp(values / 4)), trial_rows()[:40], FLOAT32_ROUNDING)


def test_gives_several_targets() -> None:
    rows, values = rows_and_values()
    model = MLPRegressor(hidden_layer_sizes=(7,), max_iter=20, random_state=0)
    assert_agrees(model.fit(rows.astype(np.float64), np.stack([values, -values], 1)), trial_rows(), FLOAT32_ROUNDING)


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler()])
def test_features_far_from_zero_lose_nothing(scaler: StandardScaler | RobustScaler) -> None:
    """A float32 mean of 100,000.3 would be off by a hundredth of a standard deviation."""
    rows, values = rows_and_values()
    far = (0.3 * rows + np.float32(100_000.3)).astype(np.float32)
    model = make_pipeline(scaler, MLPRegressor(hidden_layer_sizes=(12, 9), max_iter=50, random_state=0))
    assert_agrees(model.fit(far.astype(np.float64), values), far, FLOAT32_ROUNDING)


def test_computes_in_float32_behind_scalers_only() -> None:
    rows, values = rows_and_values()
    scaled, expanded = (
        make_pipeline(step, MLPRegressor(max_iter=2, random_state=0)).fit(rows.astype(np.float64), values)
        for step in (StandardScaler(), PolynomialFeatures())
    )
    assert lower_estimator(scaled).single_precision
    scores = plan_scores(lower_estimator(scaled), rows)
    np.testing.assert_array_equal(scores, scores.astype(np.float32))
    assert not lower_estimator(expanded).single_precision


def test_refuses_missing_values() -> None:
    rows, classes = rows_and_classes()
    assert_refuses_missing_values(MLPClassifier(max_iter=2).fit(rows.astype(np.float64), classes))


def test_several_labels_at_once_are_told() -> None:
    rows, classes = rows_and_classes()
    labels = np.stack([classes == 0, classes > 1], axis=1).astype(int)
    with pytest.raises(UnsupportedModelError, match="several labels at once"):
        lower_estimator(MLPClassifier(max_iter=2).fit(rows.astype(np.float64), labels))
