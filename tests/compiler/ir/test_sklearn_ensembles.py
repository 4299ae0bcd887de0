"""Ensembles of any estimators, several classes out of two, calibration and thresholds."""

from typing import Any

import numpy as np
import pytest
from sklearn import calibration, ensemble, linear_model, multiclass, multioutput, naive_bayes, svm, tree
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from compiler.frontends.sklearn import SklearnModel
from tests.compiler.ir.edge_rows import assert_same, beside, numbers
from tests.compiler.ir.estimator_plans import plan_scores

ROWS = numbers(4)
THREE = np.array(["low", "middle", "high"])[(ROWS[:, 0] > -0.4).astype(int) + (ROWS[:, 1] > 0.3)]
TWO = ROWS[:, 0] + ROWS[:, 1] > 0
VALUES = ROWS[:, 0] ** 2 - ROWS[:, 3]
EDGES = beside(ROWS, [[0.0, 0.5]] * 4)[:260]
LOGISTIC = linear_model.LogisticRegression()
TREE = tree.DecisionTreeClassifier(max_depth=3, random_state=0)
MEMBERS = {
    "logistic": LOGISTIC,
    "bayes": naive_bayes.GaussianNB(),
    "vectors": svm.SVC(),
    "forest": ensemble.RandomForestClassifier(3, random_state=0),
}


def _ensembles(member: Any) -> dict[str, Any]:
    pair = [("a", member), ("b", LOGISTIC), ("c", "drop")]
    return {
        "against the rest": multiclass.OneVsRestClassifier(member),
        "against one": multiclass.OneVsOneClassifier(member),
        "by codes": multiclass.OutputCodeClassifier(member, random_state=0),
        "bag": ensemble.BaggingClassifier(member, 3, max_features=0.5, random_state=0),
        "votes": ensemble.VotingClassifier(pair, weights=[1, 2, 1]),
        "stack": ensemble.StackingClassifier(pair, cv=2),
        "stack of labels": ensemble.StackingClassifier(pair, cv=2, passthrough=True, stack_method="predict"),
    }


@pytest.mark.parametrize("member", MEMBERS)
@pytest.mark.parametrize("name", _ensembles(LOGISTIC))
@pytest.mark.parametrize("target", [TWO, THREE], ids=["2 classes", "3 classes"])
def test_classifiers_of_any_classifiers(name: str, member: str, target: Any) -> None:
    assert_same(_ensembles(MEMBERS[member])[name].fit(ROWS, target), EDGES, tolerance=1e-11)


CLASSIFIERS = {
    "soft votes": ensemble.VotingClassifier(
        [("a", naive_bayes.GaussianNB()), ("b", TREE)], voting="soft", weights=[1, 2]
    ),
    "bag of margins": ensemble.BaggingClassifier(linear_model.RidgeClassifier(), 3, random_state=0),
    "boosted bayes": ensemble.AdaBoostClassifier(naive_bayes.GaussianNB(), n_estimators=4, random_state=0),
    "dummy": DummyClassifier(),
    "most frequent": DummyClassifier(strategy="most_frequent"),
    "uniform": DummyClassifier(strategy="uniform"),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("target", [TWO, THREE], ids=["2 classes", "3 classes"])
def test_classifiers(name: str, target: Any) -> None:
    assert_same(CLASSIFIERS[name].fit(ROWS, target), EDGES)


PAIR = [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4, random_state=0))]
REGRESSORS: dict[str, Any] = {
    "votes": ensemble.VotingRegressor(PAIR, weights=[0.3, 0.7]),
    "stack": ensemble.StackingRegressor(PAIR, ensemble.RandomForestRegressor(4, random_state=0), cv=2),
    "bag": ensemble.BaggingRegressor(linear_model.Ridge(), 4, max_features=0.5, random_state=0),
    "boosted trees": ensemble.AdaBoostRegressor(n_estimators=8, random_state=0),
    "boosted lines": ensemble.AdaBoostRegressor(linear_model.Ridge(), n_estimators=5, random_state=0),
    "dummy": DummyRegressor(strategy="median"),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name: str) -> None:
    assert_same(REGRESSORS[name].fit(ROWS, VALUES), EDGES)


@pytest.mark.parametrize("kind", [multioutput.MultiOutputRegressor, multioutput.RegressorChain])
def test_several_targets(kind: Any) -> None:
    targets = np.stack([VALUES, VALUES**2, ROWS[:, 1]], axis=1)
    chain = {"order": [2, 0, 1]} if kind is multioutput.RegressorChain else {}
    assert_same(kind(linear_model.Ridge(), **chain).fit(ROWS, targets), EDGES)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("each_fold", [True, False])
@pytest.mark.parametrize("member", [LOGISTIC, svm.SVC(), TREE], ids=["decides", "vectors", "probabilities"])
def test_calibrated(method: str, member: Any, each_fold: bool) -> None:  # noqa: FBT001  (a parameter)
    for target in (TWO, THREE):
        model = calibration.CalibratedClassifierCV(member, method=method, ensemble=each_fold, cv=2)
        assert_same(model.fit(ROWS, target), EDGES, tolerance=1e-11)


@pytest.mark.parametrize("response", ["auto", "decision_function"])
@pytest.mark.parametrize("positive", [None, True, False])
def test_thresholds_tell_the_label_that_scikit_learn_tells(response: str, positive: Any) -> None:
    model = FixedThresholdClassifier(LOGISTIC, threshold=0.37, response_method=response, pos_label=positive)
    assert_same(model.fit(ROWS, TWO), EDGES, tolerance=0)


def test_a_tuned_threshold() -> None:
    assert_same(TunedThresholdClassifierCV(LOGISTIC, cv=2).fit(ROWS, TWO), EDGES, tolerance=0)


@pytest.mark.parametrize("bounds", ["nan", "clip"])
def test_isotonic_regression_at_every_knot_and_beyond(bounds: str) -> None:
    model = IsotonicRegression(out_of_bounds=bounds).fit(ROWS[:, 0], VALUES)
    assert_same(model, beside(ROWS[:, :1], [model.X_thresholds_]))


def test_isotonic_regression_refuses_what_lies_beyond() -> None:
    model = IsotonicRegression(out_of_bounds="raise").fit(ROWS[:, 0], ROWS[:, 0])
    scores = plan_scores(SklearnModel(model).to_graph(), np.array([[0.0], [1e6]], np.float32))
    assert np.isnan(scores[:, 0]).tolist() == [False, True]
