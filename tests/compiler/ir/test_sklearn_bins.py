"""Bins, quantiles and splines, at and beside every edge."""

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import KBinsDiscretizer, QuantileTransformer, SplineTransformer

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.edge_rows import assert_same, beside, numbers, with_holes

ROWS = numbers()


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
def test_bins_at_every_edge(strategy: str, encode: str) -> None:
    method: dict[str, Any] = {"quantile_method": "linear"} if strategy == "quantile" else {}
    model = KBinsDiscretizer(5, strategy=strategy, encode=encode, random_state=0, **method).fit(ROWS)
    assert_same(model, beside(ROWS, model.bin_edges_), tolerance=0)


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("n_quantiles", [2, 40])
def test_quantiles_at_every_quantile_also_where_they_repeat(distribution: str, n_quantiles: int) -> None:
    model = QuantileTransformer(n_quantiles=n_quantiles, output_distribution=distribution).fit(ROWS)
    places = [np.concatenate([each, each[[0, -1]] + 1e-7, each[[0, -1]] - 1e-7]) for each in model.quantiles_.T]
    # The normal quantile is steep at its ends: a rounding of 1e-16 becomes one of 1e-10.
    assert_same(model, with_holes(beside(ROWS, places)), tolerance=1e-9)


def test_quantiles_of_a_constant_feature() -> None:
    rows = np.stack([ROWS[:, 0], np.full(len(ROWS), 2.0)], axis=1)
    model = QuantileTransformer(n_quantiles=10).fit(rows)
    assert_same(model, beside(rows, [[], [2.0]]))


@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("include_bias", [True, False])
def test_splines_at_every_knot_and_beyond(degree: int, extrapolation: str, include_bias: bool) -> None:  # noqa: FBT001  (a parameter)
    if degree == 1 and extrapolation == "linear":
        degree = 4
    model = SplineTransformer(
        7, degree=degree, extrapolation=extrapolation, include_bias=include_bias, handle_missing="zeros"
    ).fit(ROWS)
    # Far outside, powers of the distance grow to 1e8 and their differences keep half the digits.
    assert_same(model, with_holes(beside(ROWS, [each.t for each in model.bsplines_])), tolerance=1e-11)


def test_splines_that_scikit_learn_continues_from_another_knot_are_refused() -> None:
    model = SplineTransformer(degree=1, extrapolation="linear").fit(ROWS)
    with pytest.raises(UnsupportedModelError, match="of degree 1 with extrapolation='linear'"):
        lower_estimator(model)
