"""Tables that scikit-learn's compiled code follows blindly: a file's trees and support vectors, held to their bounds.

A skops file runs no code, but scikit-learn believes its numbers: a child or a feature out of range is
read from outside the table, and a node that points back is walked for ever.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._bagging import BaseBagging
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.svm._base import BaseLibSVM
from sklearn.tree import BaseDecisionTree

from compiler.errors import ModelError

_NO_CHILD = -1
_BITSET_WORDS = 8  # 256 categories, 32 a word


def check_tables(estimator: Any) -> None:
    """Check every tree and every support vector machine inside an estimator.

    Raises:
        ModelError: A table points outside itself, its row or its values.
    """
    for part in _parts(estimator):
        for kind, is_sound in _CHECKS:
            if isinstance(part, kind) and not _holds(is_sound, part):
                raise ModelError(f"the {type(part).__name__} in the file is damaged: its tables do not fit each other")


def _holds(is_sound: Callable[[Any], bool], part: Any) -> bool:
    """Tell whether a part is sound; one that lacks what it should have is not. An unfitted one has no tables."""
    if not any(name in vars(part) for name in _FITTED):
        return True
    try:
        return is_sound(part)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False


def _parts(estimator: Any) -> Iterator[Any]:
    """Walk all objects inside an estimator, each once."""
    waiting, seen = [estimator], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, type):
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list | tuple | set):
            waiting += part
        elif isinstance(part, np.ndarray):
            waiting += part.ravel().tolist() if part.dtype == object else ()
        else:
            waiting += getattr(part, "__dict__", {}).values()
            yield part


def _is_tree_sound(estimator: Any) -> bool:
    tree = estimator.tree_
    if not 0 < tree.node_count <= tree.capacity:  # first, for the arrays below trust it
        return False
    inner = tree.children_left != _NO_CHILD
    return tree.n_features == estimator.n_features_in_ and _are_sound(
        tree.children_left, tree.children_right, tree.feature, inner, tree.n_features
    )


def _are_sound(
    left: NDArray[Any], right: NDArray[Any], feature: NDArray[Any], inner: NDArray[np.bool_], n_features: int
) -> bool:
    """Tell whether all children come after their parent, inside the table, and all features are in the row."""
    place = np.arange(len(inner))[inner]
    children = np.stack([left[inner], right[inner]]).astype(np.int64)
    chosen = feature[inner].astype(np.int64)
    return bool(
        (children > place).all() and (children < len(inner)).all() and ((chosen >= 0) & (chosen < n_features)).all()
    )


def _are_members_sound(ensemble: Any) -> bool:
    """Members of a forest see the whole row."""
    members = np.ravel(np.asarray(ensemble.estimators_, dtype=object))
    return all(member.n_features_in_ == ensemble.n_features_in_ for member in members)


def _are_bags_sound(ensemble: Any) -> bool:
    """Members of a bag see the features that were drawn for them."""
    drawn = ensemble.estimators_features_
    return len(drawn) == len(ensemble.estimators_) and all(
        len(features) == member.n_features_in_ for features, member in zip(drawn, ensemble.estimators_, strict=True)
    )


def _are_predictors_sound(ensemble: Any) -> bool:
    is_categorical = np.asarray(ensemble._bin_mapper.is_categorical_, dtype=bool)  # noqa: SLF001  (no public name)
    if len(is_categorical) != ensemble.n_features_in_:
        return False
    predictors = [predictor for stage in ensemble._predictors for predictor in stage]  # noqa: SLF001  (the same)
    return all(_is_predictor_sound(predictor, is_categorical) for predictor in predictors)


def _is_predictor_sound(predictor: Any, is_categorical: NDArray[np.bool_]) -> bool:
    nodes, bitsets = predictor.nodes, predictor.raw_left_cat_bitsets
    inner = ~nodes["is_leaf"].astype(bool)
    if not len(nodes) or not _are_sound(
        nodes["left"], nodes["right"], nodes["feature_idx"], inner, len(is_categorical)
    ):
        return False
    by_category = nodes[inner & nodes["is_categorical"].astype(bool)]
    return bool(
        (by_category["bitset_idx"] < len(bitsets)).all()
        and is_categorical[by_category["feature_idx"]].all()
        and (not len(by_category) or bitsets.shape[1] == _BITSET_WORDS)
    )


def _are_vectors_sound(machine: Any) -> bool:
    n_support, vectors = np.asarray(machine._n_support), machine.support_vectors_  # noqa: SLF001  (no public name)
    n_classes = len(n_support)
    n_pairs = n_classes * (n_classes - 1) // 2
    return bool(
        n_classes > 1
        and (n_support >= 0).all()
        and machine.n_support_.sum() == vectors.shape[0] == len(machine.support_)
        and machine._dual_coef_.shape == (n_classes - 1, vectors.shape[0])
        and machine._intercept_.shape == (n_pairs,)
        and {len(machine._probA), len(machine._probB)} <= {0, n_pairs}  # noqa: SLF001  (the same)
    )


_FITTED = ("tree_", "estimators_", "_predictors", "support_vectors_")
_CHECKS: tuple[tuple[type, Callable[[Any], bool]], ...] = (
    (BaseDecisionTree, _is_tree_sound),
    (BaseForest, _are_members_sound),
    (BaseGradientBoosting, _are_members_sound),
    (BaseBagging, _are_bags_sound),
    (BaseHistGradientBoosting, _are_predictors_sound),
    (BaseLibSVM, _are_vectors_sound),
)
