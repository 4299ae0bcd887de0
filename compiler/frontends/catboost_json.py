"""CatBoost's model document, read without CatBoost: the JSON object that ``save_model(format="json")`` writes.

A symmetric tree asks the same question on each level: the answers, the first lowest, are the bits of the leaf's
number. Borders are float32, and a row answers yes where ``x > border``.

Source: ``catboost/libs/model/model_export/json_model_helpers.cpp``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError
from device_contract.manifest import Label

MAX_TREES = 100_000
_MAX_DEPTH = 16
_FLOAT = "FloatFeature"


@dataclass(frozen=True, eq=False)
class CatboostTree:
    """One tree, the root first; a leaf has no left child.

    Attributes:
        feature: int64 (n_nodes,).
        border: float64 (n_nodes,); a row goes left if its feature is at most this.
        left: int64 (n_nodes,), -1 for a leaf.
        right: int64 (n_nodes,).
        values: float64 (n_nodes, n_outputs), of leaves.
    """

    feature: NDArray[np.int64]
    border: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CatboostDocument:
    """A model.

    Attributes:
        n_features: Numbers in a row.
        feature_names: Their names; empty if it has none.
        missing_left: bool (n_features,); a missing feature answers no.
        loss: What it was trained for.
        labels: Of a classifier.
        scale: What the sum of the leaves is multiplied by.
        bias: float64 (n_outputs,), added then.
        trees: At least one.
    """

    n_features: int
    feature_names: tuple[str, ...]
    missing_left: NDArray[np.bool_]
    loss: str
    labels: tuple[Label, ...]
    scale: float
    bias: NDArray[np.float64]
    trees: tuple[CatboostTree, ...]


def is_catboost(data: bytes) -> bool:
    """Tell CatBoost's JSON from that of others."""
    return b'"features_info"' in data and b'"scale_and_bias"' in data


def read_document(data: bytes) -> CatboostDocument:
    """Read a model's document.

    Raises:
        ModelError: It is no CatBoost model, its tables do not fit each other, or it splits on categories.
    """
    try:
        return _read(json.loads(data))
    except ModelError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"the file is not a sound CatBoost model: {type(error).__name__} {error}") from error


def _read(document: Mapping[str, Any]) -> CatboostDocument:
    features = document["features_info"]
    if features.get("categorical_features"):
        raise ModelError("the CatBoost model takes categories, which it hashes as texts: give it numbers instead")
    floats = features["float_features"]
    scale, bias = document["scale_and_bias"]
    bias = np.array(bias, np.float64).reshape(-1)
    tables = document["oblivious_trees"] if "oblivious_trees" in document else document["trees"]
    if not tables:
        raise ModelError("the CatBoost model has no trees")
    if len(tables) > MAX_TREES or not floats:
        raise ValueError(f"{len(tables)} trees of {len(floats)} features")
    make = _symmetric if "oblivious_trees" in document else _branching
    names = tuple(str(each.get("feature_id", "")) for each in floats)
    information = document["model_info"]
    return CatboostDocument(
        n_features=len(floats),
        feature_names=names if all(names) and names != tuple(map(str, range(len(names)))) else (),
        missing_left=np.array([each["nan_value_treatment"] != "AsTrue" for each in floats]),
        loss=str(information["params"]["loss_function"]["type"]),
        labels=_labels(information),
        scale=float(scale),
        bias=bias,
        trees=tuple(make(table, len(floats), len(bias)) for table in tables),
    )


def _labels(information: Mapping[str, Any]) -> tuple[Label, ...]:
    names = information.get("class_params", {}).get("class_names", ())
    if len(names) == 1:
        raise ModelError(f"the classifier was fitted on one class, {names[0]!r:.80}: it has nothing to tell apart")
    return tuple(int(name) if isinstance(name, int | float) and name == int(name) else str(name) for name in names)


def _question(split: Mapping[str, Any], n_features: int) -> tuple[int, float]:
    feature, border = int(split["float_feature_index"]), float(split["border"])
    if split["split_type"] != _FLOAT or not 0 <= feature < n_features or not np.isfinite(border):
        raise ValueError(f"a split of type {split['split_type']} on feature {feature}")
    return feature, border


def _symmetric(table: Mapping[str, Any], n_features: int, n_outputs: int) -> CatboostTree:
    questions = [_question(split, n_features) for split in table["splits"] or ()]
    depth = len(questions)
    if depth > _MAX_DEPTH:
        raise ValueError(f"a symmetric tree of depth {depth}")
    n_leaves = 1 << depth
    leaves = np.array(table["leaf_values"], np.float64).reshape(n_leaves, n_outputs)
    # Level by level: below node k are the nodes 2 k + 1 and 2 k + 2, so that the first answer leads the number.
    level = np.repeat(np.arange(depth), 1 << np.arange(depth))
    splits = np.arange(n_leaves - 1)
    place = np.arange(n_leaves)
    number = sum((place >> (depth - 1 - bit) & 1) << bit for bit in range(depth)) if depth else place
    no_split = np.full(n_leaves, -1)
    return CatboostTree(
        feature=np.concatenate([np.array([f for f, _ in questions], np.int64)[level], no_split]),
        border=np.concatenate([np.array([b for _, b in questions], np.float64)[level], np.zeros(n_leaves)]),
        left=np.concatenate([2 * splits + 1, no_split]),
        right=np.concatenate([2 * splits + 2, no_split]),
        values=np.concatenate([np.zeros((n_leaves - 1, n_outputs)), leaves[number]]),
    )


def _branching(table: Mapping[str, Any], n_features: int, n_outputs: int) -> CatboostTree:
    nodes, children = [table], []
    for node in nodes:  # grows while it is walked
        children.append(len(nodes) if "split" in node else -1)
        nodes += [node["left"], node["right"]] if "split" in node else []
    left = np.array(children, np.int64)
    questions = [_question(node["split"], n_features) if "split" in node else (-1, 0.0) for node in nodes]
    values = [np.zeros(n_outputs) if "split" in node else np.array(node["value"], np.float64) for node in nodes]
    return CatboostTree(
        feature=np.array([feature for feature, _ in questions], np.int64),
        border=np.array([border for _, border in questions], np.float64),
        left=left,
        right=np.where(left < 0, -1, left + 1),
        values=np.stack([each.reshape(n_outputs) for each in values]),
    )
