"""scikit-learn's imputers, and the indicator of what is missing."""

from typing import Any

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes it importable)
from sklearn.impute import IterativeImputer, MissingIndicator, SimpleImputer

from compiler.errors import UnsupportedModelError
from compiler.ir.arithmetic import clipped, joined, missing_unless, with_constant
from compiler.ir.nodes import Map, MapConstant, MapPair, Node, RefuseMissing, Select
from compiler.ir.registry import lower, lowers
from device_contract.plan.format import Function


@lowers("transform", SimpleImputer)
def _simple(imputer: Any, source: Node) -> Node:
    kept = _kept(imputer)
    replaced = MapConstant(
        Function.REPLACE_MISSING,
        _chosen(_as_missing(imputer.missing_values, source), kept),
        np.asarray(imputer.statistics_, np.float64)[list(kept)],
    )
    return _with_indicator(imputer, replaced, source)


def _kept(imputer: Any) -> tuple[int, ...]:
    """Return the features that are not left out for having had no value at all."""
    statistics = np.asarray(imputer.statistics_, np.float64)
    return tuple(np.flatnonzero(~np.isnan(statistics)).tolist())


def _chosen(source: Node, columns: tuple[int, ...]) -> Node:
    return source if columns == tuple(range(source.width)) else Select(source, columns)


def _as_missing(marker: Any, source: Node) -> Node:
    """Return the source with NaN where it holds the number that stands for a missing value."""
    if not isinstance(marker, int | float):
        raise UnsupportedModelError(f"an imputer of {marker!r} is not one that a plan can express")
    if np.isnan(marker):
        return source
    return missing_unless(
        with_constant(Function.REVERSE_SUBTRACT, with_constant(Function.EQUAL, source, marker), 1.0), source
    )


def _with_indicator(imputer: Any, imputed: Node, source: Node) -> Node:
    if not imputer.add_indicator or not len(imputer.indicator_.features_):
        return imputed
    return joined([imputed, lower(imputer.indicator_, "transform", source)])


@lowers("transform", MissingIndicator)
def _indicator(indicator: Any, source: Node) -> Node:
    marked = _as_missing(indicator.missing_values, source)
    features = tuple(int(feature) for feature in indicator.features_)
    if not features:
        raise UnsupportedModelError("step MissingIndicator saw no missing value: it gives nothing")
    indicated = Map(Function.IS_MISSING, _chosen(marked, features))
    others = tuple(column for column in range(source.width) if column not in features)
    if indicator.features != "missing-only" or not indicator.error_on_new or not others:
        return indicated
    # What was never missing must not be: the refusal stands before its own zeros.
    never = Map(Function.IS_MISSING, RefuseMissing(Select(marked, others)))
    return Select(joined([indicated, never]), tuple(range(len(features))))


@lowers("transform", IterativeImputer)
def _iterative(imputer: Any, source: Node) -> Node:
    first = lower(imputer.initial_imputer_, "transform", source)
    if imputer.sample_posterior or first.width != source.width:
        raise UnsupportedModelError("step IterativeImputer draws at random or leaves out features")
    given = _as_missing(imputer.missing_values, source)
    columns: list[Node] = [Select(first, (column,)) for column in range(first.width)]
    for step in imputer.imputation_sequence_:
        column = int(step.feat_idx)
        others = joined([columns[int(other)] for other in step.neighbor_feat_idx])
        predicted = lower(step.estimator, "predict", others)
        held = clipped(predicted, imputer._min_value[column], imputer._max_value[column])  # noqa: SLF001  (known once fitted)
        columns[column] = MapPair(Function.REPLACE_MISSING, Select(given, (column,)), held)
    return _with_indicator(imputer, joined(columns), source)
