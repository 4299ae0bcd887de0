"""scikit-learn's trees, forests and boosting, from the estimators' own tables.

Trees, forests and gradient boosting round the row to float32 and compare it with double
thresholds. Histogram gradient boosting compares doubles.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Floats, Link, Node, Tree, TreeEnsemble


def _single_tree(model: Any) -> tuple[Node, ...]:
    return _averaged(model, (model,))


def _forest(model: Any) -> tuple[Node, ...]:
    return _averaged(model, model.estimators_)


def _averaged(model: Any, estimators: Iterable[Any]) -> tuple[Node, ...]:
    if hasattr(model, "classes_") and model.n_outputs_ > 1:
        raise UnsupportedModelError(f"model {type(model).__name__} classifies several targets at once")
    trees = tuple(_tree(each.tree_, _leaf_values(model, each.tree_.value), 0) for each in estimators)
    takes_missing = bool(model.__sklearn_tags__().input_tags.allow_nan)
    base = np.zeros(trees[0].values.shape[1])
    return (TreeEnsemble(trees, base, float(len(trees)), rounds_row=True, takes_missing=takes_missing),)


def _leaf_values(model: Any, values: Floats) -> Floats:
    """Return (n_nodes, width): the classes' fractions, or the targets' values."""
    return values[:, 0, :] if hasattr(model, "classes_") else values[:, :, 0]


def _tree(table: Any, values: Floats, output: int) -> Tree:
    return Tree(
        feature=table.feature.astype(np.int64),
        threshold=table.threshold.astype(np.float64),
        left=table.children_left.astype(np.int64),
        right=table.children_right.astype(np.int64),
        missing_left=table.missing_go_to_left.astype(bool),
        values=values.astype(np.float64),
        output=output,
    )


def _gradient_boosting(model: Any) -> tuple[Node, ...]:
    if model.init_ != "zero" and not isinstance(model.init_, DummyClassifier | DummyRegressor):
        raise UnsupportedModelError(f"model {type(model).__name__} starts from a {type(model.init_).__name__}")
    # The exponential loss's link is half the logit: sigmoid(2 * score). Doubling is exact.
    factor = 2.0 if getattr(model, "loss", "") == "exponential" else 1.0
    base = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))  # noqa: SLF001  (no public way)
    trees = tuple(
        _tree(each.tree_, factor * (model.learning_rate * each.tree_.value[:, :, 0]), output)
        for stage in model.estimators_
        for output, each in enumerate(stage)
    )
    ensemble_node = TreeEnsemble(trees, factor * base.reshape(-1), 1.0, rounds_row=True, takes_missing=False)
    return (ensemble_node, *_class_link(model, len(ensemble_node.base)))


def _histogram_gradient_boosting(model: Any) -> tuple[Node, ...]:
    # The predictors have no public door; their tables are what the model itself walks.
    tables = [(k, each.nodes) for stage in model._predictors for k, each in enumerate(stage)]  # noqa: SLF001  (the same)
    if model._preprocessor is not None or any(nodes["is_categorical"].any() for _, nodes in tables):  # noqa: SLF001  (the same)
        raise UnsupportedModelError(f"model {type(model).__name__} splits on categories")
    base = np.asarray(model._baseline_prediction, np.float64).reshape(-1)  # noqa: SLF001  (the same)
    trees = tuple(_histogram_tree(nodes, output) for output, nodes in tables)
    ensemble_node = TreeEnsemble(trees, base, 1.0, rounds_row=False, takes_missing=True)
    links = _class_link(model, len(base)) or _regression_link(model)
    return (ensemble_node, *links)


def _histogram_tree(nodes: NDArray[Any], output: int) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(np.float64),
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        values=nodes["value"].astype(np.float64).reshape(-1, 1),
        output=output,
    )


def _class_link(model: Any, n_scores: int) -> tuple[Link, ...]:
    if not hasattr(model, "classes_"):
        return ()
    return (Link("binary_sigmoid" if n_scores == 1 else "softmax"),)


def _regression_link(model: Any) -> tuple[Link, ...]:
    return (Link("exponential"),) if model.loss in {"poisson", "gamma"} else ()


TREE_MODELS: Mapping[type, Callable[[Any], tuple[Node, ...]]] = MappingProxyType(
    {
        tree.DecisionTreeClassifier: _single_tree,
        tree.DecisionTreeRegressor: _single_tree,
        tree.ExtraTreeClassifier: _single_tree,
        tree.ExtraTreeRegressor: _single_tree,
        ensemble.RandomForestClassifier: _forest,
        ensemble.RandomForestRegressor: _forest,
        ensemble.ExtraTreesClassifier: _forest,
        ensemble.ExtraTreesRegressor: _forest,
        ensemble.GradientBoostingClassifier: _gradient_boosting,
        ensemble.GradientBoostingRegressor: _gradient_boosting,
        ensemble.HistGradientBoostingClassifier: _histogram_gradient_boosting,
        ensemble.HistGradientBoostingRegressor: _histogram_gradient_boosting,
    }
)
