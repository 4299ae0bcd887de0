"""XGBoost's model document, read without XGBoost: the JSON object that ``save_model`` writes, as JSON or UBJSON.

Each tree is held to its bounds here first: what has been read can be walked, and can be given
to the library. Numbers are float32, written so that they read back to the same bits.

Source: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and ``doc/model.schema``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError
from compiler.frontends import ubjson

MAX_TREES = 100_000
_NO_CHILD = -1
_ON_CATEGORIES = 1


@dataclass(frozen=True, eq=False)
class XgboostTree:
    """One tree; a leaf has no left child.

    Attributes:
        feature: int64 (n_nodes,).
        threshold: float32 (n_nodes,); a row goes left if its feature is less.
        default_left: bool (n_nodes,); a missing feature goes left.
        left: int64 (n_nodes,), -1 for a leaf.
        right: int64 (n_nodes,).
        values: float32 (n_nodes, leaf width), of leaves.
        categories: By node: the categories that it takes to its right.
        output: The first result that it adds to.
        weight: What its leaves are multiplied by (dart).
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    default_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: NDArray[np.float32]
    categories: Mapping[int, NDArray[np.int64]]
    output: int
    weight: float


@dataclass(frozen=True, eq=False)
class XgboostDocument:
    """A booster.

    Attributes:
        n_features: Numbers in a row.
        feature_names: Their names; empty without.
        n_groups: Results for each row, before the objective's link.
        objective: What it was trained for.
        base_score: float32 (n_groups,), before the objective's link is undone.
        trees: Those that an estimator predicts with; none for a linear booster.
        weights: float32 (n_features + 1, n_groups), the last row the intercept; for a linear booster.
    """

    n_features: int
    feature_names: tuple[str, ...]
    n_groups: int
    objective: str
    base_score: NDArray[np.float32]
    trees: tuple[XgboostTree, ...]
    weights: NDArray[np.float32] | None


def read_document(data: bytes, *, best_only: bool | None = None) -> XgboostDocument:
    """Read a booster's document.

    Args:
        data: JSON or UBJSON.
        best_only: Leave out the rounds after the best one, as estimators do that stopped early; when left out,
            if an estimator has written the document.

    Raises:
        ModelError: It is no XGBoost model, or its tables do not fit each other.
    """
    try:
        document = json.loads(data) if data[:2].lstrip().startswith(b"{") and b'"' in data[:4] else ubjson.decode(data)
        return _read(document["learner"], best_only=best_only)
    except ModelError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"the file is not a sound XGBoost model: {type(error).__name__} {error}") from error


def _read(learner: Mapping[str, Any], *, best_only: bool | None) -> XgboostDocument:
    parameters = learner["learner_model_param"]
    n_features = int(parameters["num_feature"])
    n_groups = max(int(parameters["num_class"]), int(parameters.get("num_target", "1")), 1)
    base = np.array(json.loads(parameters["base_score"]), np.float32).reshape(-1)
    booster = learner["gradient_booster"]
    weights = None
    if booster["name"] == "gblinear":
        if not len(booster["model"]["weights"]):
            raise ModelError("the XGBoost model has not been trained: it has no weights")
        weights = np.array(booster["model"]["weights"], np.float32).reshape(n_features + 1, n_groups)
    attributes = learner.get("attributes", {})
    cut = "scikit_learn" in attributes if best_only is None else best_only
    rounds = int(attributes["best_iteration"]) + 1 if cut and "best_iteration" in attributes else None
    if n_features < 1 or len(base) not in {1, n_groups} or not np.isfinite(base).all():
        raise ValueError(f"{n_features} features, {n_groups} groups, base score {base}")
    return XgboostDocument(
        n_features=n_features,
        feature_names=tuple(map(str, learner.get("feature_names", ()))),
        n_groups=n_groups,
        objective=str(learner["objective"]["name"]),
        base_score=np.broadcast_to(base, n_groups),
        trees=_trees(booster, n_features, n_groups, rounds) if weights is None else (),
        weights=weights,
    )


def _trees(booster: Mapping[str, Any], n_features: int, n_groups: int, rounds: int | None) -> tuple[XgboostTree, ...]:
    model = (booster["gbtree"] if booster["name"] == "dart" else booster)["model"]
    tables = model["trees"]
    if not tables:
        raise ModelError("the XGBoost model has not been trained: it has no trees")
    if len(tables) > MAX_TREES:
        raise ValueError(f"{len(tables)} trees, limit {MAX_TREES}")
    weights = booster["weight_drop"] if booster["name"] == "dart" else [1.0] * len(tables)
    last = len(tables) if rounds is None else int(model["iteration_indptr"][rounds])
    columns = zip(tables, model["tree_info"], weights, strict=True)
    trees = tuple(_tree(table, int(group), float(weight)) for table, group, weight in columns)
    for number, tree in enumerate(trees):
        if not _is_sound(tree, n_features) or not 0 <= tree.output <= n_groups - tree.values.shape[1]:
            raise ValueError(f"tree {number} points outside its tables")
    return trees[:last]


def _tree(table: Mapping[str, Any], group: int, weight: float) -> XgboostTree:
    left, right = np.array(table["left_children"], np.int64), np.array(table["right_children"], np.int64)
    conditions = np.array(table["split_conditions"], np.float32)
    width = int(table["tree_param"]["size_leaf_vector"])
    values = conditions.reshape(-1, 1)
    if width > 1:  # a leaf's right child is then the number of its vector
        vectors = np.array(table["leaf_weights"], np.float32).reshape(-1, width)
        values = np.where((left == _NO_CHILD)[:, None], vectors[np.where(left == _NO_CHILD, right, 0)], 0)
    return XgboostTree(
        feature=np.array(table["split_indices"], np.int64),
        threshold=conditions,
        default_left=np.array(table["default_left"], np.bool_),
        left=left,
        right=right,
        values=values,
        categories=_categories(table),
        output=group,
        weight=weight,
    )


def _categories(table: Mapping[str, Any]) -> dict[int, NDArray[np.int64]]:
    categories = np.array(table["categories"], np.int64)
    segments: Sequence[Sequence[int]] = [table[f"categories_{name}"] for name in ("nodes", "segments", "sizes")]
    sets = {node: categories[first : first + size] for node, first, size in zip(*segments, strict=True)}
    on_categories = np.flatnonzero(np.array(table["split_type"], np.int64) == _ON_CATEGORIES)
    if set(on_categories.tolist()) - sets.keys() or (categories < 0).any():
        raise ValueError("a split on categories has none")
    return {node: sets[node] for node in on_categories.tolist()}


def _is_sound(tree: XgboostTree, n_features: int) -> bool:
    """Tell whether each node but the root has one parent, and all features are in the row."""
    n_nodes = len(tree.left)
    columns = (tree.feature, tree.threshold, tree.default_left, tree.right, tree.values)
    inner = tree.left != _NO_CHILD
    children = np.concatenate([tree.left[inner], tree.right[inner]])
    reached = np.sort(children)
    return bool(
        n_nodes
        and all(len(column) == n_nodes for column in columns)
        and (not len(reached) or (reached[0] > 0 and reached[-1] < n_nodes and (np.diff(reached) > 0).all()))
        and ((tree.feature[inner] >= 0) & (tree.feature[inner] < n_features)).all()
        and np.isfinite(tree.values).all()
    )
