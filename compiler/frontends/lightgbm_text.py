"""LightGBM's model text, read without LightGBM: a header, a block for each tree, then what nobody predicts with.

LightGBM believes the numbers in its own files, so each tree is held to its bounds here first: what has
been read can be walked, and can be given to the library.

Source: ``Tree::ToString`` and ``GBDT::SaveModelToString`` of LightGBM 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import ModelError

MAX_TREES = 100_000
_WORD_BITS = 32


@dataclass(frozen=True, eq=False)
class LightgbmTree:
    """One tree; a child below 0 is the leaf ``~child``.

    Attributes:
        feature: int64 (n_splits,).
        threshold: float64 (n_splits,); for a split on categories the number of its set.
        decision: int64 (n_splits,); bit 0: on categories, bit 1: missing goes left, bits 2 and 3: what is missing.
        left: int64 (n_splits,).
        right: int64 (n_splits,).
        leaves: float64 (n_leaves,).
        categories: Each set that a split takes to its left.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    decision: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaves: NDArray[np.float64]
    categories: tuple[NDArray[np.int64], ...]


@dataclass(frozen=True, eq=False)
class LightgbmText:
    """A booster.

    Attributes:
        n_features: Numbers in a row.
        feature_names: Their names.
        trees_a_round: Trees that are trained together: one a class.
        objective: What it was trained for, and that one's parameters; empty for a function of the user's own.
        averages: The rounds are averaged, as in random forests, not added up.
        trees: Round by round.
    """

    n_features: int
    feature_names: tuple[str, ...]
    trees_a_round: int
    objective: tuple[str, ...]
    averages: bool
    trees: tuple[LightgbmTree, ...]


def read_text(text: str) -> LightgbmText:
    """Read a booster's text.

    Raises:
        ModelError: It is no LightGBM model, or its tables do not fit each other.
    """
    header, *blocks = text.split("\nTree=", MAX_TREES + 1)
    if not header.startswith("tree\n") or "\nversion=" not in header:
        raise ModelError("the text is not a LightGBM model")
    if len(blocks) > MAX_TREES:
        raise ModelError(f"the LightGBM model has more than {MAX_TREES} trees")
    try:
        return _read(header, blocks)
    except (KeyError, ValueError, OverflowError) as error:
        raise ModelError(f"the LightGBM model is damaged: {error}") from error


def _read(header: str, blocks: list[str]) -> LightgbmText:
    fields = _fields(header)
    n_features = int(fields["max_feature_idx"]) + 1
    trees_a_round = int(fields["num_tree_per_iteration"])
    trees = tuple(_tree(number, _fields(block), n_features) for number, block in enumerate(blocks))
    if n_features < 1 or trees_a_round < 1 or not trees or len(trees) % trees_a_round:
        raise ValueError(f"{len(trees)} trees, {trees_a_round} a round, of {n_features} features")
    return LightgbmText(
        n_features=n_features,
        feature_names=tuple(fields["feature_names"].split(" ")),
        trees_a_round=trees_a_round,
        objective=tuple(fields.get("objective", "").split()),
        averages="\naverage_output\n" in header,
        trees=trees,
    )


def _fields(block: str) -> dict[str, str]:
    """Return the lines ``name=value``, up to the first empty line after them."""
    lines = block.split("\n\n\n", 1)[0].splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _tree(number: int, fields: Mapping[str, str], n_features: int) -> LightgbmTree:
    n_leaves = int(fields["num_leaves"])
    n_splits = n_leaves - 1
    if int(fields.get("is_linear", "0")):
        raise ModelError("the LightGBM model has linear functions in its leaves: train without linear_tree")
    tree = LightgbmTree(
        feature=_numbers(fields, "split_feature", n_splits, np.int64),
        threshold=_numbers(fields, "threshold", n_splits, np.float64),
        decision=_numbers(fields, "decision_type", n_splits, np.int64),
        left=_numbers(fields, "left_child", n_splits, np.int64),
        right=_numbers(fields, "right_child", n_splits, np.int64),
        leaves=_numbers(fields, "leaf_value", n_leaves, np.float64),
        categories=_categories(fields),
    )
    if not _is_sound(tree, n_features):
        raise ValueError(f"tree {number} points outside its tables")
    return tree


def _numbers(fields: Mapping[str, str], name: str, count: int, dtype: Any) -> NDArray[Any]:
    """Return a line of numbers; a tree without splits may lack it."""
    numbers = np.array((fields[name] if count else "").split(), dtype=dtype)
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers in {name}, not {count}")
    return numbers


def _categories(fields: Mapping[str, str]) -> tuple[NDArray[np.int64], ...]:
    n_sets = int(fields.get("num_cat", "0"))
    if not n_sets:
        return ()
    bounds = _numbers(fields, "cat_boundaries", n_sets + 1, np.int64)
    words = np.array(fields["cat_threshold"].split(), dtype=np.uint32)
    if bounds[0] != 0 or (np.diff(bounds) < 0).any() or bounds[-1] != len(words):
        raise ValueError("cat_boundaries do not bound cat_threshold")
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)
    return tuple(np.flatnonzero(bits[_WORD_BITS * first : _WORD_BITS * last]) for first, last in pairwise(bounds))


def _is_sound(tree: LightgbmTree, n_features: int) -> bool:
    """Tell whether each split and leaf has one parent, which comes before it, and all features are in the row."""
    children = np.concatenate([tree.left, tree.right])
    parents = np.tile(np.arange(len(tree.left)), 2)
    expected = np.concatenate([np.arange(-len(tree.leaves), 0), np.arange(1, len(tree.left))])
    by_category = (tree.decision & 1).astype(bool)
    sets = tree.threshold[by_category]
    return bool(
        (not len(children) or np.array_equal(np.sort(children), expected))
        and ((children < 0) | (children > parents)).all()
        and ((tree.feature >= 0) & (tree.feature < n_features)).all()
        and ((sets >= 0) & (sets < len(tree.categories)) & (sets == np.floor(sets))).all()
    )
