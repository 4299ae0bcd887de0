"""Every estimator that the coverage page tells of, and how each is fitted.

They are the classifiers, regressors, outlier detectors, clusterers and transformers of
``sklearn.utils.all_estimators()``, and some estimators that are composed of others. Left out
are those whose input is no row of numbers (text, dictionaries, images, or the target), for a
device has nothing to feed them with.
"""

import warnings
from typing import Any, Final

import numpy as np
from sklearn import (
    decomposition,
    ensemble,
    impute,
    linear_model,
    preprocessing,
)
from sklearn.base import OutlierMixin
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.utils import all_estimators

from tests.compiler.coverage.case import Case
from tests.compiler.coverage.compositions import compositions

NOT_ROWS: Final = frozenset(
    {
        "DictVectorizer",
        "FeatureHasher",
        "HashingVectorizer",
        "LabelBinarizer",
        "LabelEncoder",
        "MultiLabelBinarizer",
        "PatchExtractor",
    }
)
"""Estimators whose input is text, dictionaries, images or a target."""


_LOGISTIC: Final = linear_model.LogisticRegression()
_ARGUMENTS: Final[dict[str, dict[str, Any]]] = {
    "AdaBoostClassifier": {"n_estimators": 5},
    "AdaBoostRegressor": {"n_estimators": 5},
    "BaggingClassifier": {"n_estimators": 4},
    "BaggingRegressor": {"n_estimators": 4},
    "BernoulliRBM": {"n_components": 3, "n_iter": 3},
    "Birch": {"n_clusters": 3},
    "BisectingKMeans": {"n_clusters": 3},
    "CCA": {"n_components": 2},
    "CalibratedClassifierCV": {"estimator": _LOGISTIC, "cv": 3},
    "ClassifierChain": {"estimator": _LOGISTIC},
    "ColumnTransformer": {
        "transformers": [("scaled", preprocessing.StandardScaler(), [0, 1]), ("kept", "passthrough", [3])]
    },
    "DictionaryLearning": {"n_components": 3, "max_iter": 5, "transform_algorithm": "threshold"},
    "ExtraTreesClassifier": {"n_estimators": 5},
    "ExtraTreesRegressor": {"n_estimators": 5},
    "FactorAnalysis": {"n_components": 3},
    "FastICA": {"n_components": 3},
    "FeatureAgglomeration": {"n_clusters": 3},
    "FeatureUnion": {"transformer_list": [("pca", decomposition.PCA(2)), ("scaled", preprocessing.MinMaxScaler())]},
    "FixedThresholdClassifier": {"estimator": _LOGISTIC, "threshold": 0.3},
    "FunctionTransformer": {"func": np.exp},
    "GaussianRandomProjection": {"n_components": 3},
    "GradientBoostingClassifier": {"n_estimators": 5},
    "GradientBoostingRegressor": {"n_estimators": 5},
    "HistGradientBoostingClassifier": {"max_iter": 5},
    "HistGradientBoostingRegressor": {"max_iter": 5},
    "IncrementalPCA": {"n_components": 3},
    "IsolationForest": {"n_estimators": 8},
    "Isomap": {"n_components": 2},
    "IterativeImputer": {"max_iter": 3},
    "KBinsDiscretizer": {"n_bins": 4, "quantile_method": "averaged_inverted_cdf"},
    "KMeans": {"n_clusters": 3, "n_init": 1},
    "KernelPCA": {"n_components": 3, "kernel": "rbf"},
    "LabelPropagation": {"gamma": 1.0},
    "LabelSpreading": {"gamma": 1.0},
    "LatentDirichletAllocation": {"n_components": 3},
    "LocalOutlierFactor": {"novelty": True},
    "LocallyLinearEmbedding": {"n_components": 2},
    "MLPClassifier": {"hidden_layer_sizes": (8,), "max_iter": 30},
    "MLPRegressor": {"hidden_layer_sizes": (8,), "max_iter": 30},
    "MiniBatchDictionaryLearning": {"n_components": 3, "max_iter": 5, "transform_algorithm": "threshold"},
    "MiniBatchKMeans": {"n_clusters": 3, "n_init": 1},
    "MiniBatchNMF": {"n_components": 3},
    "MiniBatchSparsePCA": {"n_components": 3, "max_iter": 5},
    "MultiOutputClassifier": {"estimator": _LOGISTIC},
    "MultiOutputRegressor": {"estimator": linear_model.Ridge()},
    "NMF": {"n_components": 3},
    "NeighborhoodComponentsAnalysis": {"n_components": 2, "max_iter": 5},
    "NuSVC": {"nu": 0.3},
    "Nystroem": {"n_components": 10},
    "OneHotEncoder": {"sparse_output": False, "handle_unknown": "ignore"},
    "OneVsOneClassifier": {"estimator": _LOGISTIC},
    "OneVsRestClassifier": {"estimator": _LOGISTIC},
    "OrdinalEncoder": {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    "OutputCodeClassifier": {"estimator": _LOGISTIC},
    "PolynomialCountSketch": {"n_components": 10},
    "QuantileTransformer": {"n_quantiles": 20},
    "RANSACRegressor": {"estimator": linear_model.LinearRegression()},
    "RBFSampler": {"n_components": 10},
    "RFE": {"estimator": _LOGISTIC},
    "RFECV": {"estimator": _LOGISTIC, "cv": 3},
    "RadiusNeighborsClassifier": {"radius": 4.0, "outlier_label": "most_frequent"},
    "RadiusNeighborsRegressor": {"radius": 6.0},
    "RandomForestClassifier": {"n_estimators": 5},
    "RandomForestRegressor": {"n_estimators": 5},
    "RandomTreesEmbedding": {"n_estimators": 5, "sparse_output": False},
    "RegressorChain": {"estimator": linear_model.Ridge()},
    "SelectFromModel": {"estimator": _LOGISTIC},
    "SelectKBest": {"k": 2},
    "SelfTrainingClassifier": {"estimator": _LOGISTIC},
    "SequentialFeatureSelector": {"estimator": _LOGISTIC, "n_features_to_select": 2, "cv": 3},
    "SkewedChi2Sampler": {"n_components": 10},
    "SparseCoder": {"dictionary": np.eye(5)[:3], "transform_algorithm": "threshold"},
    "SparsePCA": {"n_components": 3, "max_iter": 5},
    "SparseRandomProjection": {"n_components": 3},
    "StackingClassifier": {
        "estimators": [("a", _LOGISTIC), ("b", ensemble.RandomForestClassifier(3, random_state=0))],
        "cv": 3,
    },
    "StackingRegressor": {
        "estimators": [("a", linear_model.Ridge()), ("b", ensemble.RandomForestRegressor(3, random_state=0))],
        "cv": 3,
    },
    "TSNE": {"perplexity": 5, "max_iter": 250},
    "TargetEncoder": {"cv": 3},
    "TransformedTargetRegressor": {"regressor": linear_model.Ridge(), "func": np.log, "inverse_func": np.exp},
    "TunedThresholdClassifierCV": {"estimator": _LOGISTIC, "cv": 3},
    "VotingClassifier": {
        "estimators": [("a", _LOGISTIC), ("b", ensemble.RandomForestClassifier(3, random_state=0))],
        "voting": "soft",
    },
    "VotingRegressor": {
        "estimators": [("a", linear_model.Ridge()), ("b", ensemble.RandomForestRegressor(3, random_state=0))]
    },
}
_ROWS: Final = {
    "AdditiveChi2Sampler": "positive",
    "ComplementNB": "positive",
    "LatentDirichletAllocation": "positive",
    "MiniBatchNMF": "positive",
    "MultinomialNB": "positive",
    "NMF": "positive",
    "SkewedChi2Sampler": "positive",
    "TfidfTransformer": "positive",
    "CategoricalNB": "categories",
    "OneHotEncoder": "categories",
    "OrdinalEncoder": "categories",
    "TargetEncoder": "categories",
    "HistGradientBoostingClassifier": "missing",
    "HistGradientBoostingRegressor": "missing",
    "IterativeImputer": "missing",
    "KNNImputer": "missing",
    "MissingIndicator": "missing",
    "SimpleImputer": "missing",
    "KernelCenterer": "kernel",
    "IsotonicRegression": "one column",
}
_TARGETS: Final = {
    "FixedThresholdClassifier": "two classes",
    "TunedThresholdClassifierCV": "two classes",
    "ClassifierChain": "several classes",
    "GammaRegressor": "positive value",
    "MultiOutputClassifier": "several classes",
    "MultiOutputRegressor": "several values",
    "MultiTaskElasticNet": "several values",
    "MultiTaskElasticNetCV": "several values",
    "MultiTaskLasso": "several values",
    "MultiTaskLassoCV": "several values",
    "PLSCanonical": "several values",
    "CCA": "several values",
    "PLSSVD": "several values",
    "PoissonRegressor": "positive value",
    "RegressorChain": "several values",
    "SelfTrainingClassifier": "numbered classes",
    "TransformedTargetRegressor": "positive value",
    "TweedieRegressor": "positive value",
}
_DETECTORS_AND_MIXTURES: Final = (
    "BayesianGaussianMixture",
    "EllipticEnvelope",
    "GaussianMixture",
    "IsolationForest",
    "LocalOutlierFactor",
    "OneClassSVM",
    "SGDOneClassSVM",
)
_GROUPS: Final = {
    "classifier": dict(all_estimators("classifier")),
    "regressor": dict(all_estimators("regressor")),
    "clusterer": dict(all_estimators("cluster")),
}
"""Each takes a walk through all of scikit-learn's modules."""


def _kind(name: str, kind: type) -> str:
    if issubclass(kind, OutlierMixin):
        return "outlier detector"
    fallback = "clusterer" if name in _DETECTORS_AND_MIXTURES else "transformer"
    return next((what for what, names in _GROUPS.items() if name in names), fallback)


def _made(name: str, kind: type) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # some will be gone in the next release
        estimator = kind(**_ARGUMENTS.get(name, {}))
    if "random_state" in estimator.get_params(deep=False):
        estimator.set_params(random_state=0)
    return estimator


def _case(name: str, kind: type) -> Case:
    what = _kind(name, kind)
    target = _TARGETS.get(name, "value" if what == "regressor" else "classes")
    return Case(_made(name, kind), what, _ROWS.get(name, "numbers"), target)


def _single() -> dict[str, Case]:
    kinds = dict(
        pair for kind in ("classifier", "regressor", "cluster", "transformer") for pair in all_estimators(kind)
    )
    others = dict(all_estimators())
    kinds |= {name: others[name] for name in _DETECTORS_AND_MIXTURES}
    kinds |= {"IterativeImputer": impute.IterativeImputer}
    return {name: _case(name, kind) for name, kind in sorted(kinds.items()) if name not in NOT_ROWS}


CASES: Final[dict[str, Case]] = _single() | compositions()
"""By the name in the page."""
