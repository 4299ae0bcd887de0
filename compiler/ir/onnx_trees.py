"""The ai.onnx.ml tree ensembles (operator sets 1 and 3)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import BinarySigmoid, Floats, Node, Softmax, Tree, TreeEnsemble

Attributes = Mapping[str, Any]


def regressor_trees(attributes: Attributes, source: Node) -> Node:
    """Lower a TreeEnsembleRegressor: a sum or an average, no post-transform.

    Raises:
        UnsupportedModelError: It is another variant.
    """
    _require(attributes.get("post_transform", b"NONE") == b"NONE", "a post-transform of its regression trees")
    aggregate = attributes.get("aggregate_function", b"SUM")
    _require(aggregate in {b"SUM", b"AVERAGE"}, f"trees that are not added but {aggregate.decode().lower()}")
    width = attributes.get("n_targets", 1)
    trees = _trees(attributes, "target", width)
    divisor = float(len(trees)) if aggregate == b"AVERAGE" else 1.0
    return _ensemble(source, trees, _base(attributes, width) * divisor, divisor)


def classifier_trees(attributes: Attributes, source: Node) -> Node:
    """Lower a TreeEnsembleClassifier.

    Raises:
        UnsupportedModelError: It is another variant.
    """
    post_transform = attributes.get("post_transform", b"NONE")
    n_classes = len(attributes.get("classlabels_int64s") or attributes.get("classlabels_strings") or ())
    if n_classes == 2 and len(set(attributes["class_ids"])) == 1:  # noqa: PLR2004  (onnxruntime's binary case)
        return _binary(attributes, post_transform, source)
    _require(post_transform in {b"NONE", b"SOFTMAX"}, f"trees with the post-transform {post_transform.decode()}")
    ensemble = _ensemble(source, _trees(attributes, "class", n_classes), _base(attributes, n_classes), 1.0)
    return Softmax(ensemble) if post_transform == b"SOFTMAX" else ensemble


def _binary(attributes: Attributes, post_transform: bytes, source: Node) -> Node:
    """Lower trees that give one score for two classes.

    onnxruntime takes the score for a probability where all weights are positive, and for a
    margin elsewhere (``ml_common.h``, ``write_scores``): (1 - s, s) or (-s, s). It does so
    where the weights are those of class 0.
    """
    _require(set(attributes["class_ids"]) == {0}, "binary trees that give no score for class 0")
    is_probability = min(attributes["class_weights"]) >= 0
    trees, base = _trees(attributes, "class", 1), _base(attributes, 1)
    if post_transform == b"LOGISTIC" and not is_probability:
        return BinarySigmoid(_ensemble(source, trees, base, 1.0))
    _require(post_transform == b"NONE", f"binary trees with the post-transform {post_transform.decode()}")
    mirrored = tuple(_with_values(tree, np.concatenate([-tree.values, tree.values], axis=1)) for tree in trees)
    first = 1.0 - base if is_probability else -base
    return _ensemble(source, mirrored, np.concatenate([first, base]), 1.0)


def _with_values(tree: Tree, values: Floats) -> Tree:
    return Tree(tree.feature, tree.threshold, tree.left, tree.right, tree.missing_left, values, tree.output)


def _ensemble(source: Node, trees: tuple[Tree, ...], base: Floats, divisor: float) -> TreeEnsemble:
    return TreeEnsemble(source, trees, base, divisor, rounds_row=True, takes_missing=True)


def _base(attributes: Attributes, n_scores: int) -> Floats:
    base = np.asarray(attributes.get("base_values") or [0.0] * n_scores, np.float64)
    _require(len(base) == n_scores, f"{len(base)} base values for {n_scores} scores")
    return base


def _trees(attributes: Attributes, prefix: str, width: int) -> tuple[Tree, ...]:
    """Read the trees; the leaves' weights come under ``prefix``: class or target."""
    _require(not any(name.endswith("as_tensor") for name in attributes), "trees with double thresholds")
    columns = {name: np.asarray(attributes[f"nodes_{name}"]) for name in _COLUMNS}
    modes = set(attributes["nodes_modes"])
    _require(modes <= {b"BRANCH_LEQ", b"BRANCH_LT", b"LEAF"}, f"trees that branch by {sorted(modes)}")
    columns["is_leaf"] = np.array([mode == b"LEAF" for mode in attributes["nodes_modes"]])
    columns["values"] = _thresholds(attributes)
    columns["missing"] = np.asarray(attributes.get("nodes_missing_value_tracks_true") or [0] * len(columns["is_leaf"]))
    weights = [np.asarray(attributes[f"{prefix}_{name}"]) for name in ("treeids", "nodeids", "ids", "weights")]
    return tuple(_tree(columns, weights, width, tree_id) for tree_id in dict.fromkeys(columns["treeids"].tolist()))


_COLUMNS = ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids")


def _thresholds(attributes: Attributes) -> NDArray[np.float32]:
    """Return thresholds for ``<=``: a float32 is below t exactly if it is at most the one before t."""
    thresholds = np.asarray(attributes["nodes_values"], np.float32)
    below = np.array([mode == b"BRANCH_LT" for mode in attributes["nodes_modes"]])
    return np.where(below, np.nextafter(thresholds, np.float32(-np.inf)), thresholds)


def _tree(columns: dict[str, NDArray[Any]], weights: list[NDArray[Any]], width: int, tree_id: int) -> Tree:
    own = columns["treeids"] == tree_id
    node_ids, is_leaf = columns["nodeids"][own], columns["is_leaf"][own]
    place = {int(node_id): index for index, node_id in enumerate(node_ids)}
    children = [[place.get(int(i), -1) for i in columns[name][own]] for name in ("truenodeids", "falsenodeids")]
    left, right = (np.where(is_leaf, -1, np.array(side, np.int64)) for side in children)
    _require(is_leaf.sum() * 2 == len(is_leaf) + 1, "nodes that make no binary tree")
    values = np.zeros((len(node_ids), width))
    mine = weights[0] == tree_id
    for node_id, output, weight in zip(*(column[mine] for column in weights[1:]), strict=True):
        values[place[int(node_id)], output] += weight
    missing_left = columns["missing"][own].astype(bool)
    return Tree(
        columns["featureids"][own].astype(np.int64),
        columns["values"][own].astype(np.float64),
        left,
        right,
        missing_left,
        values,
        output=0,
    )


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001  (reads as a sentence)
    if not condition:
        raise UnsupportedModelError(f"a plan cannot express {otherwise}")
