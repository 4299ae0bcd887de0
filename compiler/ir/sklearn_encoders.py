"""scikit-learn's encoders of categories.

What becomes of a category is found by asking the encoder itself, once for each of its
categories, for one that it does not know, and for a missing one: so rare categories, dropped
ones and the handling of unknown ones are as the encoder has them.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import joined, one_hot
from compiler.ir.nodes import Floats, Node, RefuseMissing, Select
from compiler.ir.piecewise import matches
from compiler.ir.registry import lowers

_Encode = Callable[[Floats], Floats]


@lowers("transform", OneHotEncoder)
def _one_hot(encoder: Any, source: Node) -> Node:
    def encode(rows: Floats) -> Floats:
        encoded = encoder.transform(rows)
        return np.asarray(encoded.toarray() if hasattr(encoded, "toarray") else encoded, np.float64)

    widths = [int(count) for count in encoder._n_features_outs]  # noqa: SLF001  (known once fitted)
    starts = np.cumsum([0, *widths])

    def position(column: int) -> _Encode:
        return lambda rows: _place(encode(rows)[:, starts[column] : starts[column + 1]])

    # A category without a place of its own, dropped or unknown, is at none of the places.
    positions = _encoded(encoder, source, [position(column) for column in range(source.width)])
    parts = [one_hot(Select(positions, (column,)), width) for column, width in enumerate(widths) if width]
    return joined(parts)


def _place(block: Floats) -> Floats:
    if block.shape[1] == 0:
        return np.full(len(block), -1.0)
    place = np.where(block.any(axis=1), block.argmax(axis=1), -1)
    return np.where(np.isnan(block).any(axis=1), np.nan, place.astype(np.float64))


@lowers("transform", OrdinalEncoder)
def _ordinal(encoder: Any, source: Node) -> Node:
    return _encoded(encoder, source, [_column(encoder, column) for column in range(source.width)])


@lowers("transform", TargetEncoder)
def _target(encoder: Any, source: Node) -> Node:
    """Encode by the target's mean; of several classes, one column a class for each feature."""
    n_outputs = len(encoder.encodings_)
    copies = n_outputs // source.width
    repeated = Select(source, tuple(np.repeat(np.arange(source.width), copies).tolist())) if copies > 1 else source
    return _encoded(encoder, repeated, [_column(encoder, column) for column in range(n_outputs)], copies)


def _column(encoder: Any, column: int) -> _Encode:
    return lambda rows: np.asarray(encoder.transform(rows), np.float64)[:, column]


def _encoded(encoder: Any, source: Node, columns: list[_Encode], copies: int = 1) -> Node:
    """Return what each number of the source is encoded as.

    Args:
        encoder: The fitted encoder.
        source: The numbers.
        columns: For each number, what encodes it in rows of the encoder's features.
        copies: How often each of the encoder's features comes in the source.
    """
    known = [_numbers(encoder, categories) for categories in encoder.categories_]
    start = np.array([each[0] for each in known])
    refuses = False
    keys, numbers, otherwise, missing = [], [], [], []
    for place, encode in enumerate(columns):
        feature = place // copies
        own = known[feature]
        finite = own[~np.isnan(own)]
        keys.append(finite)
        numbers.append(encode(_rows(start, feature, finite)))
        others = [_asked(encode, _rows(start, feature, np.array([each]))) for each in (_unknown(finite), np.nan)]
        refuses = refuses or None in others
        otherwise.append(np.nan if others[0] is None else others[0])
        missing.append(np.nan if others[1] is None else others[1])
    encoded = matches(source, keys, numbers, np.array(otherwise), np.array(missing))
    return RefuseMissing(encoded) if refuses else encoded


def _rows(start: Floats, feature: int, values: Floats) -> Floats:
    rows = np.repeat(start[None, :], len(values), axis=0)
    rows[:, feature] = values
    return rows


def _asked(encode: _Encode, row: Floats) -> float | None:
    """Return what a category is encoded as, ``None`` if the encoder refuses it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an encoder may warn of unknown categories
            return float(encode(row)[0])
    except ValueError:
        return None


def _unknown(categories: Floats) -> float:
    greatest = np.abs(categories).max(initial=0.0)
    return float(max(greatest + 1.0, np.nextafter(greatest, np.inf)))  # one more is the same, of a huge category


def _numbers(encoder: Any, categories: NDArray[Any]) -> Floats:
    try:
        return np.asarray(categories, np.float64)
    except (TypeError, ValueError) as error:
        raise UnsupportedModelError(
            f"step {type(encoder).__name__} encodes text whose column is not known: fit it inside a ColumnTransformer"
        ) from error
