"""CatBoost's models, from the document that they save themselves as.

CatBoost compares float32 and adds float64: ``scale * leaves + bias``.
"""

from collections.abc import Callable

import numpy as np

from compiler.errors import UnsupportedModelError
from compiler.frontends.catboost_json import CatboostDocument, CatboostTree
from compiler.ir.nodes import BinarySigmoid, Map, Node, Softmax, Tree, TreeEnsemble
from device_contract.plan.format import Function


def _raw(scores: Node) -> Node:
    return scores


def _exponential(scores: Node) -> Node:
    return Map(Function.EXPONENTIAL, scores)


def _one_against_rest(scores: Node) -> Node:
    return Map(Function.SIGMOID, scores)


LINKS: dict[str, Callable[[Node], Node]] = {
    "CrossEntropy": BinarySigmoid,
    "Expectile": _raw,
    "Huber": _raw,
    "Logloss": BinarySigmoid,
    "LogLinQuantile": _exponential,
    "Lq": _raw,
    "MAE": _raw,
    "MAPE": _raw,
    "MultiClass": Softmax,
    "MultiClassOneVsAll": _one_against_rest,
    "MultiRMSE": _raw,
    "PairLogit": _raw,
    "Poisson": _exponential,
    "Quantile": _raw,
    "QueryRMSE": _raw,
    "RMSE": _raw,
    "Tweedie": _exponential,
    "YetiRank": _raw,
}


def lower_model(document: CatboostDocument, source: Node) -> Node:
    """Lower what the model predicts: a classifier's probabilities, another's values.

    Raises:
        UnsupportedModelError: It was trained for something unknown.
    """
    if document.loss not in LINKS:
        raise UnsupportedModelError(f"CatBoost's loss {document.loss} is not one that a plan can express")
    trees = tuple(_tree(tree, document) for tree in document.trees)
    scores = TreeEnsemble(source, trees, document.bias, 1.0, rounds_row=True, takes_missing=True)
    return LINKS[document.loss](scores)


def _tree(tree: CatboostTree, document: CatboostDocument) -> Tree:
    return Tree(
        feature=tree.feature,
        threshold=tree.border.astype(np.float32).astype(np.float64),
        left=tree.left,
        right=tree.right,
        missing_left=document.missing_left[tree.feature],
        values=document.scale * tree.values,
        output=0,
    )
