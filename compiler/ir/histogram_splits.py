"""The trees of scikit-learn's histogram gradient boosting, with their splits on categories.

The model puts its categorical features first and gives each category a number; a category that it does
not know is missing. Here the trees look at the row as it is, and at columns of what its categories stand for.

Source: ``_predict_one_from_raw_data`` in scikit-learn's ``_predictor.pyx``.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compiler.errors import UnsupportedModelError
from compiler.ir.nodes import Floats, Node, Tree
from compiler.ir.split_columns import Category, SplitColumns


class HistogramSplits:
    """Trees of one model, and the columns that they look at.

    Attributes:
        columns: The columns; complete when all trees have been made.
    """

    def __init__(self, model: Any, source: Node) -> None:
        """Start with the columns of the source.

        Raises:
            UnsupportedModelError: Its categories are texts.
        """
        self.columns = SplitColumns(source)
        self._row_column: NDArray[np.int64] = np.arange(source.width)
        self._raw: list[Floats] = []
        if model._preprocessor is None:  # noqa: SLF001  (no public name; so below)
            return
        by_category = np.asarray(model.is_categorical_)
        self._row_column = np.concatenate([np.flatnonzero(by_category), np.flatnonzero(~by_category)])
        self._raw = [_numbers(each) for each in model._preprocessor.named_transformers_["encoder"].categories_]  # noqa: SLF001
        known, number = model._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
        self._known = _members(known)[number[: len(self._raw)]]

    def tree(self, predictor: Any, output: int) -> Tree:
        """Return one tree."""
        nodes = predictor.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        feature = np.where(is_leaf, 0, self._row_column[nodes["feature_idx"]])
        threshold = nodes["num_threshold"].astype(np.float64)
        for split in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
            feature[split] = self._category(nodes[split], predictor.raw_left_cat_bitsets)
            threshold[split] = 0.5
        return Tree(
            feature=feature,
            threshold=threshold,
            left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
            right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
            missing_left=nodes["missing_go_to_left"].astype(bool),
            values=nodes["value"].astype(np.float64).reshape(-1, 1),
            output=output,
        )

    def _category(self, node: Any, bitsets: NDArray[np.uint32]) -> int:
        """Return the column that is 0 for the categories that go left, 1 for the others; unknown ones go with NaN."""
        feature = int(node["feature_idx"])
        goes_left = _members(bitsets[node["bitset_idx"]][None, :])[0]
        missing = 0.0 if node["missing_go_to_left"] else 1.0
        levels = np.where(goes_left, 0.0, np.where(self._known[feature], 1.0, missing))[: len(self._raw[feature])]
        category = Category(self._raw[feature], levels, missing)
        return self.columns.category(int(self._row_column[feature]), category)


def _members(bitsets: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which of the categories' numbers are in each set, (n_sets, 256)."""
    return np.unpackbits(np.ascontiguousarray(bitsets, "<u4").view(np.uint8), axis=1, bitorder="little").astype(bool)


def _numbers(categories: NDArray[Any]) -> Floats:
    """Return a feature's categories, in the order of their numbers; a missing one comes last and has none.

    Raises:
        UnsupportedModelError: They are texts.
    """
    if categories.dtype.kind not in "biuf":
        raise UnsupportedModelError("histogram gradient boosting over texts; give it the categories as numbers")
    numbers = categories.astype(np.float64)
    return numbers[~np.isnan(numbers)]
