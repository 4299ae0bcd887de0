"""The ten models that the contenders score: each seeded, one function to train it.

A to G are everyday models of devices; H to J are large of their kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from benchmarks import data
from benchmarks.convolution import weights
from benchmarks.data import Data

_SEED = 0


@dataclass(frozen=True)
class Workload:
    """A model to train and what is required of its plan.

    Attributes:
        letter: Its short name.
        name: What it is.
        data: Gives the training rows and that many rows to score (``scored=``).
        train: Gives the fitted estimator (of G: its weights).
        required: How many times as fast as onnxruntime with IO binding one row has to be; 1 says faster.
    """

    letter: str
    name: str
    data: Callable[..., Data]
    train: Callable[[Data], Any]
    required: float = 1.0


def logistic(given: Data) -> Any:
    """Train A and I; as float64, which the compiler and scikit-learn both take for the truth."""
    model = make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3))
    return model.fit(given.sample.astype(float), given.target)


def random_forest(given: Data, trees: int, depth: int) -> Any:
    """Train B and H."""
    forest = RandomForestClassifier(trees, max_depth=depth, random_state=_SEED, n_jobs=1)
    return forest.fit(given.sample, given.target)


def lightgbm(given: Data, trees: int) -> Any:
    """Train C."""
    from lightgbm import LGBMRegressor  # noqa: PLC0415  (needed for one model only)

    return LGBMRegressor(n_estimators=trees, num_leaves=31, random_state=_SEED, n_jobs=1, verbose=-1).fit(
        given.sample, given.target
    )


def xgboost(given: Data, trees: int) -> Any:
    """Train D."""
    from xgboost import XGBClassifier  # noqa: PLC0415  (needed for one model only)

    booster = XGBClassifier(n_estimators=trees, max_depth=6, random_state=_SEED, n_jobs=1)
    return booster.fit(given.sample, given.target.astype(int))


def perceptron(given: Data) -> Any:
    """Train E."""
    network = MLPClassifier((64, 32), max_iter=200, tol=1e-3, random_state=_SEED)
    return network.fit(given.sample.astype(float), given.target)


def isolation_forest(given: Data, trees: int) -> Any:
    """Train F."""
    return IsolationForest(n_estimators=trees, random_state=_SEED, n_jobs=1).fit(given.sample)


def convolution(_: Data) -> Any:
    """Draw G; ``benchmarks.convolution`` tells of it."""
    return weights()


def support_vectors(given: Data) -> Any:
    """Train J: without a tube around the curve, every row of the sample becomes a support vector."""
    machine = make_pipeline(StandardScaler(), SVR(C=10.0, epsilon=0.0))
    return machine.fit(given.sample.astype(float), given.target)


WORKLOADS = {
    workload.letter: workload
    for workload in (
        Workload("A", "scaler + logistic regression, 30 features", partial(data.classes, 5000), logistic, 30),
        Workload(
            "B",
            "random forest, 100 trees, depth <= 10, 3 classes",
            partial(data.classes, 5000, n_classes=3),
            partial(random_forest, trees=100, depth=10),
            6,
        ),
        Workload(
            "C",
            "LightGBM, 500 trees of 31 leaves, regression",
            partial(data.values, 20_000),
            partial(lightgbm, trees=500),
            3,
        ),
        Workload(
            "D",
            "XGBoost, 300 trees of depth 6, 2 classes",
            partial(data.classes, 20_000),
            partial(xgboost, trees=300),
            6,
        ),
        Workload("E", "MLP 30-64-32-3", partial(data.classes, 5000, n_classes=3), perceptron, 20),
        Workload(
            "F",
            "isolation forest, 100 trees",
            partial(data.classes, 5000),
            partial(isolation_forest, trees=100),
            500,
        ),
        Workload("G", "1-D CNN, 6 channels x 128", partial(data.windows, 1000), convolution, 3),
        Workload(
            "H",
            "random forest, 500 trees, depth <= 16, 2 classes",
            partial(data.classes, 10_000),
            partial(random_forest, trees=500, depth=16),
        ),
        Workload("I", "scaler + logistic regression, 10,000 features", partial(data.wide, 2000), logistic),
        Workload("J", "RBF SVM, 2,000 support vectors, regression", partial(data.values, 2000), support_vectors),
    )
}
