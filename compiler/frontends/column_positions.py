"""Pipelines that choose columns by name, made to choose them by position.

A pipeline that was fitted on a data frame names its columns; the rows of a device are plain
numbers in a fixed order. The fitted parts stay as they are, only the choice is rewritten.
"""

import copy
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline


def by_position(estimator: Any) -> Any:
    """Return the estimator with its columns chosen by position; the given one stays as it is.

    Column transformers that come first in a pipeline are rewritten: behind another
    step columns have no names.
    """
    if isinstance(estimator, ColumnTransformer):
        return _positioned(estimator)
    if not isinstance(estimator, Pipeline):
        return estimator
    (name, first), *others = estimator.steps
    changed = copy.copy(estimator)
    changed.steps = [(name, by_position(first)), *others]
    return changed


def _positioned(transformer: ColumnTransformer) -> ColumnTransformer:
    positions = transformer._transformer_to_input_indices  # noqa: SLF001  (what the fit resolved; it has no public name)
    changed = copy.copy(transformer)
    changed.transformers_ = [
        (name, inner, positions.get(name, columns)) for name, inner, columns in transformer.transformers_
    ]
    return changed
