"""Models that were fitted on columns of text, made to take positions.

A device's row holds numbers: of a category, its position in the feature's list. The lists are
those of the model's own encoders. The truth is scored on the texts that positions stand for;
what artifacts are made from is a copy of the model whose encoders know positions only.
"""

import copy
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from compiler.errors import ModelError

_ENCODERS: Final = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
_UNKNOWN: Final = "\0unknown"
"""Stands for any text that the model was not fitted on."""

Categories = tuple[tuple[str, ...], ...]
"""For each feature its texts in order; none for a number."""


def categories_of(estimator: Any, n_features: int) -> Categories:
    """Return the texts that a model's encoders know, by feature.

    Raises:
        ModelError: Two encoders of one feature know different texts.
    """
    found: list[tuple[str, ...]] = [()] * n_features
    for encoder, columns in _encoders(estimator, tuple(range(n_features))):
        for column, known in zip(columns, encoder.categories_, strict=True):
            texts = _texts(known)
            if texts and found[column] not in {(), texts}:
                raise ModelError(f"two encoders of feature {column} were fitted on different texts")
            found[column] = texts or found[column]
    return tuple(found)


def _texts(known: NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(each) for each in known.tolist() if isinstance(each, str))


def _encoders(estimator: Any, columns: tuple[int, ...]) -> list[tuple[Any, tuple[int, ...]]]:
    """Return the encoders that see the rows as they are given, but for imputers, and which features each sees."""
    if isinstance(estimator, _ENCODERS):
        return [(estimator, columns)]
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
        seeing = next((step for step in steps if not _keeps_columns(step)), None)
        return _encoders(seeing, columns)
    parts = _parts(estimator, columns)
    return [found for inner, seen in parts for found in _encoders(inner, seen)]


def _keeps_columns(step: Any) -> bool:
    return isinstance(step, SimpleImputer)


def _parts(estimator: Any, columns: tuple[int, ...]) -> list[tuple[Any, tuple[int, ...]]]:
    if isinstance(estimator, FeatureUnion):
        return [(inner, columns) for _, inner in estimator.transformer_list]
    if isinstance(estimator, ColumnTransformer):
        chosen = estimator._transformer_to_input_indices  # noqa: SLF001  (what the fit resolved; it has no public name)
        return [(inner, tuple(columns[int(i)] for i in chosen[name])) for name, inner, _ in estimator.transformers_]
    return []


def on_positions(estimator: Any, categories: Categories) -> Any:
    """Return a copy of the model that takes positions for texts; the given one stays as it is."""
    return _rewritten(estimator, categories) if any(categories) else estimator


def _rewritten(estimator: Any, categories: Sequence[tuple[str, ...]]) -> Any:
    changed = copy.copy(estimator)
    if isinstance(estimator, _ENCODERS):
        changed.categories_ = [_positions(*each) for each in zip(estimator.categories_, categories, strict=True)]
    elif isinstance(estimator, SimpleImputer):
        changed.statistics_ = _positions_of_statistics(estimator.statistics_, categories)
        changed.missing_values = np.nan
        changed._fit_dtype = changed._fill_dtype = np.dtype(np.float64)  # noqa: SLF001  (it holds rows to them)
    elif isinstance(estimator, Pipeline):
        changed.steps = _rewritten_steps(estimator.steps, categories)
    elif isinstance(estimator, FeatureUnion):
        changed.transformer_list = [(name, _rewritten(inner, categories)) for name, inner in estimator.transformer_list]
    elif isinstance(estimator, ColumnTransformer):
        parts = zip(estimator.transformers_, _parts(estimator, tuple(range(len(categories)))), strict=True)
        changed.transformers_ = [
            (name, _rewritten(inner, [categories[column] for column in seen]), columns)
            for (name, inner, columns), (_, seen) in parts
        ]
    return changed


def _rewritten_steps(steps: Any, categories: Sequence[tuple[str, ...]]) -> list[tuple[str, Any]]:
    """Rewrite the steps up to the first that makes other columns."""
    rewritten = []
    for place, (name, step) in enumerate(steps):
        rewritten.append((name, _rewritten(step, categories)))
        if step is not None and step != "passthrough" and not _keeps_columns(step):
            return [*rewritten, *steps[place + 1 :]]
    return rewritten


def _positions(known: NDArray[Any], texts: tuple[str, ...]) -> NDArray[Any]:
    if not texts:
        return known
    return np.array([texts.index(each) if isinstance(each, str) else np.nan for each in known.tolist()], np.float64)


def _positions_of_statistics(statistics: NDArray[Any], categories: Sequence[tuple[str, ...]]) -> NDArray[Any]:
    pairs = zip(statistics.tolist(), categories, strict=True)
    return np.array([_position(each, texts) for each, texts in pairs], np.float64)


def _position(statistic: Any, texts: tuple[str, ...]) -> Any:
    """Return the position of what an imputer fills in; -1 for a text that its encoder does not know."""
    if not isinstance(statistic, str):
        return statistic
    return texts.index(statistic) if statistic in texts else -1


def as_texts(rows: NDArray[np.float32], categories: Categories) -> NDArray[Any]:
    """Return rows with the texts that positions stand for.

    Args:
        rows: float32 (n_rows, n_features).
        categories: For each feature its texts.

    Returns:
        float64, or objects where there are texts, (n_rows, n_features).
    """
    given = rows.astype(np.float64)
    if not any(categories):
        return given
    mixed = given.astype(object)
    for column, texts in enumerate(categories):
        if texts:
            mixed[:, column] = [_text(number, texts) for number in given[:, column].tolist()]
    return mixed


def _text(number: float, texts: tuple[str, ...]) -> Any:
    if np.isnan(number):
        return np.nan
    known = number.is_integer() and 0 <= number < len(texts)
    return texts[int(number)] if known else _UNKNOWN
