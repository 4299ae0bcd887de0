"""Estimators that are others inside, or whose answers have another form than a model's scores, made plain.

The given ones stay as they are.
"""

import copy
from typing import Any

import numpy as np
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.model_selection._search import BaseSearchCV  # it has no public name
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC


def without_searches(estimator: Any) -> Any:
    """Return what a fitted search has found in its place, also where it is a step of a pipeline.

    Its record, in which joblib meets masked arrays that it cannot hash, stays behind.
    """
    if isinstance(estimator, BaseSearchCV):
        return without_searches(estimator.best_estimator_) if hasattr(estimator, "best_estimator_") else estimator
    if not isinstance(estimator, Pipeline):
        return estimator
    steps = [(name, without_searches(step)) for name, step in estimator.steps]
    if all(found is step for (_, found), (_, step) in zip(steps, estimator.steps, strict=True)):
        return estimator
    changed = copy.copy(estimator)
    changed.steps = steps
    return changed


def made_to_score(estimator: Any) -> Any:
    """Return the estimator, or a copy that scores float64 rows with one number for each class.

    It concerns the step that comes last. A support vector machine that answers one against one gives
    a score for each pair of classes; its label is that of its votes either way. K-means that was fitted
    on float32 raises an error for float64 rows.
    """
    if isinstance(estimator, Pipeline):
        *others, (name, last) = estimator.steps
        changed = copy.copy(estimator)
        changed.steps = [*others, (name, made_to_score(last))]
        return changed
    if isinstance(estimator, SVC | NuSVC) and estimator.decision_function_shape == "ovo":
        return copy.copy(estimator).set_params(decision_function_shape="ovr")
    if isinstance(estimator, KMeans | MiniBatchKMeans | BisectingKMeans):
        return _with_float64_centers(estimator)
    return estimator


def _with_float64_centers(clusterer: Any) -> Any:
    if clusterer.cluster_centers_.dtype == np.float64:
        return clusterer
    changed = copy.deepcopy(clusterer)
    changed.cluster_centers_ = changed.cluster_centers_.astype(np.float64)
    nodes = [changed._bisecting_tree] if isinstance(changed, BisectingKMeans) else []  # noqa: SLF001  (what it walks)
    while nodes:
        node = nodes.pop()
        node.center = node.center.astype(np.float64)
        nodes += [child for child in (node.left, node.right) if child is not None]
    return changed
