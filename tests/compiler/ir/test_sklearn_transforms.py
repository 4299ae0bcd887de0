"""Transformers that are formulas of single values or rows, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import preprocessing
from sklearn.feature_extraction.text import TfidfTransformer

from compiler.frontends.sklearn import SklearnModel
from tests.compiler.ir.edge_rows import assert_same, beside, numbers, with_holes
from tests.compiler.ir.estimator_plans import plan_scores

ROWS = numbers()
POSITIVE = np.abs(ROWS) + 0.125
ZEROS = np.zeros((1, 3))
EDGES = beside(ROWS, [[0.0, 1e-42, -1e-42]] * 3)

MODELS: dict[str, tuple[Any, NDArray[np.float64], NDArray[Any]]] = {
    "binary": (preprocessing.Binarizer(threshold=0.1), ROWS, beside(ROWS, [[0.1]] * 3)),
    "l1 norm": (preprocessing.Normalizer("l1"), ROWS, np.concatenate([EDGES, ZEROS])),
    "l2 norm": (preprocessing.Normalizer("l2"), ROWS, np.concatenate([EDGES, ZEROS])),
    "greatest": (preprocessing.Normalizer("max"), ROWS, np.concatenate([EDGES, ZEROS])),
    "polynomial": (preprocessing.PolynomialFeatures(3), ROWS, EDGES),
    "products": (preprocessing.PolynomialFeatures(3, interaction_only=True, include_bias=False), ROWS, EDGES),
    "only the square": (preprocessing.PolynomialFeatures((2, 2), include_bias=False), ROWS, EDGES),
    "yeo-johnson": (preprocessing.PowerTransformer(), ROWS, with_holes(EDGES)),
    "yeo-johnson, as it is": (preprocessing.PowerTransformer(standardize=False), ROWS, with_holes(EDGES)),
    "box-cox": (preprocessing.PowerTransformer("box-cox"), POSITIVE, with_holes(POSITIVE)),
    "cosine": (preprocessing.FunctionTransformer(np.cos), ROWS, EDGES),
    "identity": (preprocessing.FunctionTransformer(), ROWS, with_holes(EDGES)),
    "tf-idf": (TfidfTransformer(), POSITIVE, np.concatenate([POSITIVE, ZEROS, 1e-20 * POSITIVE])),
    "tf-idf of logarithms": (
        TfidfTransformer(norm="l1", sublinear_tf=True),
        POSITIVE,
        np.concatenate([POSITIVE, ZEROS]),
    ),
    "centred kernel": (preprocessing.KernelCenterer(), ROWS[:6] @ ROWS[:6].T, ROWS @ ROWS[:6].T),
}


@pytest.mark.parametrize("name", MODELS)
def test_equals_scikit_learn(name: str) -> None:
    model, training, rows = MODELS[name]
    assert_same(model.fit(training), rows)


@pytest.mark.parametrize("exponent", [0.0, 2.0, 1e-9, -1.5])
def test_every_exponent_of_a_power(exponent: float) -> None:
    model = preprocessing.PowerTransformer(standardize=False).fit(ROWS)
    model.lambdas_ = np.array([exponent, 2 - exponent, 1.0])
    assert_same(model, np.concatenate([ROWS, ZEROS]))


def test_a_logarithm_of_nothing_is_missing() -> None:
    model = preprocessing.PowerTransformer("box-cox", standardize=False).fit(POSITIVE)
    scores = plan_scores(SklearnModel(model).to_graph(), np.array([[0, -1, 1]], np.float32))
    assert np.isnan(scores[0]).tolist() == [True, True, False]
