"""Small fitted models, one of each kind that a plan can express, and rows that try them."""

import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import clone, ensemble, linear_model, preprocessing, svm, tree
from sklearn.datasets import make_classification, make_regression
from sklearn.pipeline import Pipeline, make_pipeline

from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import TreeEnsemble
from compiler.ir.ordering import order

N_FEATURES = 6

SCALERS = {
    "standard": preprocessing.StandardScaler(),
    "standard without mean": preprocessing.StandardScaler(with_mean=False),
    "robust": preprocessing.RobustScaler(),
    "min-max": preprocessing.MinMaxScaler((-1, 1)),
    "max-abs": preprocessing.MaxAbsScaler(),
}

LINEAR_REGRESSORS = {
    "ridge": linear_model.Ridge(),
    "least squares": linear_model.LinearRegression(),
    "lasso": linear_model.Lasso(alpha=0.5),
    "elastic net": linear_model.ElasticNet(),
    "bayesian": linear_model.BayesianRidge(),
    "huber": linear_model.HuberRegressor(),
    "sgd": make_pipeline(preprocessing.StandardScaler(), linear_model.SGDRegressor(random_state=0)),
    "support vectors": svm.LinearSVR(max_iter=100_000),
    "without intercept": linear_model.Ridge(fit_intercept=False),
    **{f"{name} > ridge": make_pipeline(scaler, linear_model.Ridge()) for name, scaler in SCALERS.items()},
    "two scalers > ridge": make_pipeline(
        make_pipeline(preprocessing.MinMaxScaler(), "passthrough"),
        preprocessing.StandardScaler(),
        linear_model.Ridge(),
    ),
}

LINEAR_CLASSIFIERS = {
    "logistic": linear_model.LogisticRegression(max_iter=1000),
    "standard > logistic": make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
    "sgd log loss": make_pipeline(
        preprocessing.StandardScaler(), linear_model.SGDClassifier(loss="log_loss", alpha=0.01, random_state=0)
    ),
    "sgd hinge": linear_model.SGDClassifier(random_state=0),
    "ridge classifier": linear_model.RidgeClassifier(),
    "linear support vectors": svm.LinearSVC(max_iter=100_000),
}

TREE_REGRESSORS = {
    "tree": tree.DecisionTreeRegressor(random_state=0),
    "random forest": ensemble.RandomForestRegressor(11, random_state=0),
    "extra trees": ensemble.ExtraTreesRegressor(8, random_state=0),
    "boosting": ensemble.GradientBoostingRegressor(n_estimators=9, random_state=0),
    "boosting from zero": ensemble.GradientBoostingRegressor(n_estimators=9, init="zero", random_state=0),
    "histogram boosting": ensemble.HistGradientBoostingRegressor(max_iter=9),
    "histogram boosting, poisson": ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=9),
    **{
        f"{name} > random forest": make_pipeline(scaler, ensemble.RandomForestRegressor(5, random_state=0))
        for name, scaler in SCALERS.items()
    },
    **{
        f"{name} > histogram boosting": make_pipeline(scaler, ensemble.HistGradientBoostingRegressor(max_iter=5))
        for name, scaler in SCALERS.items()
    },
}

TREE_CLASSIFIERS = {
    "tree": tree.DecisionTreeClassifier(random_state=0),
    "random forest": ensemble.RandomForestClassifier(11, max_depth=5, random_state=0),
    "extra trees": ensemble.ExtraTreesClassifier(8, random_state=0),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=9, random_state=0),
    "histogram boosting": ensemble.HistGradientBoostingClassifier(max_iter=9),
    "standard > boosting": make_pipeline(
        preprocessing.StandardScaler(), ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0)
    ),
}


def _cases() -> dict[str, tuple[Any, int, bool]]:
    """Return for each model: the estimator, its number of classes (0: regression), missing values in training."""
    cases: dict[str, tuple[Any, int, bool]] = {}
    for name, model in {**LINEAR_REGRESSORS, **TREE_REGRESSORS}.items():
        cases[f"{name} regressor"] = (model, 0, False)
    for name, model in {**LINEAR_CLASSIFIERS, **TREE_CLASSIFIERS}.items():
        cases[f"{name} classifier, binary"] = (model, 2, False)
        cases[f"{name} classifier, 3 classes"] = (model, 3, False)
    exponential = ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=9, random_state=0)
    cases["boosting classifier, exponential loss"] = (exponential, 2, False)
    cases["poisson regressor"] = (linear_model.PoissonRegressor(), 0, False)
    for name in ("tree", "random forest", "extra trees", "histogram boosting", "standard > random forest"):
        cases[f"{name} regressor, missing values"] = (TREE_REGRESSORS[name], 0, True)
    cases["random forest classifier, missing values"] = (TREE_CLASSIFIERS["random forest"], 3, True)
    return cases


CASES = _cases()


@cache
def fitted(name: str) -> Any:
    """Return the fitted model of a case."""
    model, n_classes, missing = CASES[name]
    rows, target = _data(n_classes)
    if missing:
        rows = rows.copy()
        rows[np.random.default_rng(1).random(rows.shape) < 0.1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(model).fit(rows, target)


def _data(n_classes: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
    if n_classes:
        rows, target = make_classification(400, N_FEATURES, n_informative=4, n_classes=n_classes, random_state=0)
        return 3 * rows + 7, np.array(["low", "middle", "high"])[target]
    rows, target = make_regression(400, N_FEATURES, noise=5.0, random_state=0)
    return 3 * rows + 7, np.abs(target)


def truth(model: Any, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the model's own scores of float64 copies of the rows, (n_rows, n_outputs)."""
    given = rows.astype(np.float64)
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(given))
    if hasattr(model, "decision_function"):
        scores = model.decision_function(given)
        return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
    with np.errstate(over="ignore"):
        return np.asarray(model.predict(given)).reshape(len(rows), -1)


def takes_missing(name: str) -> bool:
    """Tell whether scikit-learn answers rows with NaN for a case."""
    model = fitted(name)
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    return all(step.__sklearn_tags__().input_tags.allow_nan for step in steps)


def rows_at_thresholds(name: str, seed: int = 0) -> NDArray[np.float32]:
    """Return rows in which one feature lies at a threshold, or up to three float32 steps beside it.

    The thresholds are those that the plan holds, in units of the row.
    """
    model = fitted(name)
    ensemble_node = next(
        (step.node for step in order(lower_estimator(model)) if isinstance(step.node, TreeEnsemble)), None
    )
    base = _data(CASES[name][1])[0].astype(np.float32)
    if ensemble_node is None:
        return base
    rng = np.random.default_rng(seed)
    split = [each.left >= 0 for each in ensemble_node.trees]
    features = np.concatenate([each.feature[mask] for each, mask in zip(ensemble_node.trees, split, strict=True)])
    thresholds = np.concatenate([each.threshold[mask] for each, mask in zip(ensemble_node.trees, split, strict=True)])
    chosen = np.flatnonzero(np.isfinite(thresholds))
    chosen = rng.choice(chosen, min(len(chosen), 300), replace=False)
    rows = base[rng.integers(len(base), size=len(chosen))]
    rows[np.arange(len(chosen)), features[chosen]] = 0
    values = thresholds[chosen].astype(np.float32)
    stepped = []
    for steps in range(-3, 4):
        moved = values.copy()
        for _ in range(abs(steps)):
            moved = np.nextafter(moved, np.float32(np.inf if steps > 0 else -np.inf))
        copies = rows.copy()
        copies[np.arange(len(chosen)), features[chosen]] = moved
        stepped.append(copies)
    return np.concatenate(stepped)
