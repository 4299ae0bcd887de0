"""XGBoost's boosters, from the document that they save themselves as.

XGBoost compares float32 and goes left where ``x < t``, which is ``x <= t'`` with the float32 ``t'`` before ``t``.
It adds float32 as well, tree by tree; a plan adds the same numbers as float64.

Source: ``RegTree::GetNext`` and ``ObjFunction::ProbToMargin`` of XGBoost 3.
"""

from typing import Any

import numpy as np
from xgboost import XGBClassifier, XGBModel, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from compiler.errors import UnsupportedModelError
from compiler.frontends.xgboost_json import XgboostDocument, XgboostTree, read_document
from compiler.ir.arithmetic import joined, with_constant
from compiler.ir.nodes import (
    BinarySigmoid,
    Floats,
    Linear,
    Map,
    MapConstant,
    MapPair,
    Node,
    Softmax,
    Tree,
    TreeEnsemble,
)
from compiler.ir.registry import lowers
from compiler.ir.split_columns import SplitColumns
from device_contract.plan.format import Function

_LOGISTIC = frozenset({"binary:logistic", "reg:logistic"})

_EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"})
_SOFTMAX = frozenset({"multi:softprob", "multi:softmax"})
_RAW = frozenset(
    {
        "binary:logitraw",
        "rank:map",
        "rank:ndcg",
        "rank:pairwise",
        "reg:absoluteerror",
        "reg:expectileerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "reg:squarederror",
        "reg:squaredlogerror",
    }
)


@lowers("predict", XGBModel, XGBRanker, XGBRegressor, XGBRFRegressor)
def _value(model: Any, source: Node) -> Node:
    return lower_booster(_document(model), _nan_where_missing(model, source))


@lowers("predict_proba", XGBClassifier, XGBRFClassifier)
def _probabilities(model: Any, source: Node) -> Node:
    return lower_classifier(_document(model), _nan_where_missing(model, source))


def _document(model: Any) -> XgboostDocument:
    return read_document(bytes(model.get_booster().save_raw("ubj")), best_only=True)


def _nan_where_missing(model: Any, source: Node) -> Node:
    """Make the number that stands for a missing one NaN, if it is not NaN already."""
    missing = np.float32(model.missing)
    if np.isnan(missing):
        return source
    is_missing = MapConstant(Function.EQUAL, source, np.full(source.width, missing, np.float64))
    present = MapConstant(Function.REVERSE_SUBTRACT, is_missing, np.ones(source.width))
    # x * 1 / 1 is x, and x * 0 / 0 is NaN.
    return MapPair(Function.DIVIDE, MapPair(Function.MULTIPLY, source, present), present)


def lower_booster(document: XgboostDocument, source: Node) -> Node:
    """Lower what ``Booster.predict`` gives; for several classes, their probabilities.

    Raises:
        UnsupportedModelError: It was trained for something unknown.
    """
    name, scores = document.objective, _scores(document, source)
    if name in _LOGISTIC:
        return Map(Function.SIGMOID, scores)
    if name in _SOFTMAX:
        return Softmax(scores)
    if name in _EXPONENTIAL:
        return Map(Function.EXPONENTIAL, scores)
    if name == "binary:hinge":
        return MapConstant(Function.GREATER, scores, np.zeros(scores.width))
    if name not in _RAW:
        raise UnsupportedModelError(f"XGBoost's objective {name} is not one that a plan can express")
    return scores


def lower_classifier(document: XgboostDocument, source: Node) -> Node:
    """Lower what ``XGBClassifier.predict_proba`` gives: one probability a class.

    Raises:
        UnsupportedModelError: It was trained for something unknown.
    """
    if document.objective == "binary:logistic" and document.n_groups == 1:
        return BinarySigmoid(_scores(document, source))
    scores = lower_booster(document, source)
    return joined([with_constant(Function.REVERSE_SUBTRACT, scores, 1.0), scores]) if scores.width == 1 else scores


def _margin(document: XgboostDocument) -> Floats:
    """Undo the objective's link, in float32 as XGBoost does."""
    base = document.base_score
    with np.errstate(divide="ignore"):
        if document.objective in _LOGISTIC:
            return np.asarray(-np.log(np.float32(1) / base - np.float32(1)), np.float64)
        if document.objective in _EXPONENTIAL:
            return np.asarray(np.log(base), np.float64)
    return base.astype(np.float64)


def _scores(document: XgboostDocument, source: Node) -> Node:
    base = _margin(document)
    if document.weights is not None:
        present = MapConstant(Function.REPLACE_MISSING, source, np.zeros(source.width))
        weights = document.weights.astype(np.float64)
        return Linear(present, weights[:-1].T, np.zeros(source.width), weights[-1] + base)
    columns = SplitColumns(source, first_category=0.0)
    trees = tuple(_tree(tree, columns) for tree in document.trees)
    return TreeEnsemble(columns.node(), trees, base, 1.0, rounds_row=True, takes_missing=True)


def _tree(tree: XgboostTree, columns: SplitColumns) -> Tree:
    feature = tree.feature.copy()
    threshold = np.nextafter(tree.threshold, np.float32(-np.inf)).astype(np.float64)
    for node, categories in tree.categories.items():
        # In the set: 1, which is greater than a half. XGBoost takes the set to the right.
        feature[node] = columns.member(int(tree.feature[node]), categories)
        threshold[node] = 0.5
    return Tree(
        feature=feature,
        threshold=threshold,
        left=tree.left,
        right=tree.right,
        missing_left=tree.default_left,
        values=(tree.values * np.float32(tree.weight)).astype(np.float64),
        output=tree.output,
    )
