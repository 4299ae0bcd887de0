"""LightGBM's boosters, from the text that they save themselves as: with its doubles, which ONNX has lost.

LightGBM compares float64 and adds float64. Before it compares, what lies within 1e-35 of 0 is made 0.

Source: ``Tree::NumericalDecision``, ``Tree::CategoricalDecision`` and ``Predictor`` of LightGBM 4.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMModel, LGBMRanker, LGBMRegressor
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.frontends.lightgbm_text import LightgbmText, LightgbmTree, read_text
from compiler.ir.nodes import BinarySigmoid, Floats, Map, MapConstant, MapPair, Node, Softmax, Tree, TreeEnsemble
from compiler.ir.registry import lowers
from compiler.ir.split_columns import SplitColumns
from device_contract.plan.format import Function

ZERO = float(np.float32(1e-35))
"""What is nearer to 0 than this is 0."""
_BELOW_ZERO = float(np.nextafter(np.float32(-ZERO), np.float32(-np.inf)))
_FIRST_CATEGORY = float(np.nextafter(-1.0, 0.0))
"""What is above -1 is cut off to 0."""
_MISSING_IS_ZERO = 1


def _exponential(scores: Node) -> Node:
    return Map(Function.EXPONENTIAL, scores)


def _sigmoid(scores: Node) -> Node:
    return Map(Function.SIGMOID, scores)


def _softplus(scores: Node) -> Node:
    return Map(Function.SOFTPLUS, scores)


def _raw(scores: Node) -> Node:
    return scores


_LINKS: dict[str, Callable[[Node], Node]] = {
    "binary": _sigmoid,
    "cross_entropy": _sigmoid,
    "cross_entropy_lambda": _softplus,
    "fair": _raw,
    "gamma": _exponential,
    "huber": _raw,
    "lambdarank": _raw,
    "mape": _raw,
    "multiclass": Softmax,
    "multiclassova": _sigmoid,
    "poisson": _exponential,
    "quantile": _raw,
    "rank_xendcg": _raw,
    "regression": _raw,
    "regression_l1": _raw,
    "tweedie": _exponential,
}


@lowers("predict", LGBMModel, LGBMRanker, LGBMRegressor)
def _value(model: Any, source: Node) -> Node:
    text = read_text(model.booster_.model_to_string())
    return lower_booster(text, source)


@lowers("predict_proba", LGBMClassifier)
def _probabilities(model: Any, source: Node) -> Node:
    return lower_classifier(read_text(model.booster_.model_to_string()), source)


@lowers("decision_function", LGBMClassifier)
def _margins(model: Any, source: Node) -> Node:
    return _scores(read_text(model.booster_.model_to_string()), source)


def lower_booster(text: LightgbmText, source: Node) -> Node:
    """Lower what ``Booster.predict`` gives.

    Raises:
        UnsupportedModelError: It was trained for something unknown.
    """
    name = _objective(text)
    link = _LINKS.get(name)
    if link is None:
        raise UnsupportedModelError(f"LightGBM's objective {name or 'of your own'} is not one that a plan can express")
    scores = link(_steeper(text, _scores(text, source)))
    # Trained on square roots; the sign stays.
    return MapPair(Function.MULTIPLY, scores, Map(Function.ABSOLUTE, scores)) if "sqrt" in text.objective else scores


def lower_classifier(text: LightgbmText, source: Node) -> Node:
    """Lower what ``LGBMClassifier.predict_proba`` gives: one probability a class.

    Raises:
        UnsupportedModelError: It was trained for something unknown.
    """
    if _objective(text) == "binary":
        return BinarySigmoid(_steeper(text, _scores(text, source)))
    return lower_booster(text, source)


def _objective(text: LightgbmText) -> str:
    return text.objective[0] if text.objective else ""


def _steeper(text: LightgbmText, scores: Node) -> Node:
    given = dict(part.split(":", 1) for part in text.objective if ":" in part)
    sigmoid = float(given.get("sigmoid", "1"))
    return scores if sigmoid == 1.0 else MapConstant(Function.MULTIPLY, scores, np.full(scores.width, sigmoid))


def _scores(text: LightgbmText, source: Node) -> Node:
    columns = SplitColumns(source, _FIRST_CATEGORY)
    width = text.trees_a_round
    trees = tuple(_tree(tree, number % width, columns) for number, tree in enumerate(text.trees))
    divisor = float(len(trees) // width) if text.averages else 1.0
    base = np.zeros(width)
    return TreeEnsemble(columns.node(), trees, base, divisor, rounds_row=columns.are_float32, takes_missing=True)


def _tree(tree: LightgbmTree, output: int, columns: SplitColumns) -> Tree:
    """Number the splits first, then the leaves."""
    n_splits = len(tree.left)
    left, right = (np.where(child < 0, n_splits + ~child, child) for child in (tree.left, tree.right))
    default_left = (tree.decision & 2).astype(bool)
    what_is_missing = tree.decision >> 2 & 3
    missing_left = np.where(what_is_missing == 0, tree.threshold >= 0, default_left)
    feature, threshold = tree.feature.copy(), _around_zero(tree.threshold)
    for split in np.flatnonzero(what_is_missing == _MISSING_IS_ZERO):
        feature[split] = columns.zero_is_missing(int(feature[split]), ZERO)
    for split in np.flatnonzero(tree.decision & 1):
        # In the set: 1, which is greater than a half. LightGBM takes the set to the left.
        feature[split] = columns.member(int(tree.feature[split]), tree.categories[int(tree.threshold[split])])
        threshold[split] = 0.5
        left[split], right[split] = right[split], left[split]
        missing_left[split] = True
    leaf = np.full(len(tree.leaves), -1)
    return Tree(
        feature=np.concatenate([feature, leaf]),
        threshold=np.concatenate([threshold, np.zeros(len(leaf))]),
        left=np.concatenate([left, leaf]),
        right=np.concatenate([right, leaf]),
        missing_left=np.concatenate([missing_left, leaf > 0]),
        values=np.concatenate([np.zeros(n_splits), tree.leaves])[:, None],
        output=output,
    )


def _around_zero(threshold: Floats) -> NDArray[np.float64]:
    """Move thresholds within 1e-35 of 0, so that all that is made 0 goes where 0 goes."""
    near = np.abs(threshold) <= ZERO
    return np.where(near, np.where(threshold >= 0, ZERO, _BELOW_ZERO), threshold)
