"""Decompositions, projections and kernel approximations."""

from typing import Any

import numpy as np
import pytest
from sklearn import (
    cross_decomposition,
    decomposition,
    kernel_approximation,
    neighbors,
    neural_network,
    random_projection,
)

from compiler.frontends.sklearn import SklearnModel
from compiler.ir.nodes import Graph, Row
from compiler.ir.registry import lower
from tests.compiler.ir.edge_rows import assert_same, beside, numbers
from tests.compiler.ir.estimator_plans import plan_scores

ROWS = numbers(5) + np.arange(5)
TARGETS = np.stack([ROWS[:, 0] - ROWS[:, 1], ROWS[:, 2] + 0.1 * ROWS[:, 4]], axis=1)
LABELS = (ROWS[:, 0] > 0).astype(int)
CODED = {"n_components": 3, "max_iter": 3, "fit_algorithm": "cd", "transform_algorithm": "threshold"}

MODELS: dict[str, tuple[Any, Any]] = {
    "principal components": (decomposition.PCA(3), None),
    "whitened": (decomposition.PCA(whiten=True), None),
    "incremental": (decomposition.IncrementalPCA(3, whiten=True), None),
    "singular vectors": (decomposition.TruncatedSVD(2, random_state=0), None),
    "independent": (decomposition.FastICA(3, random_state=0, max_iter=1000), None),
    "independent, as they are": (decomposition.FastICA(whiten=False, random_state=0, max_iter=1000, tol=1.0), None),
    "factors": (decomposition.FactorAnalysis(2, random_state=0), None),
    "sparse": (decomposition.SparsePCA(3, max_iter=20, random_state=0), None),
    "sparse, in batches": (decomposition.MiniBatchSparsePCA(3, max_iter=20, random_state=0), None),
    "dictionary": (decomposition.DictionaryLearning(**CODED, transform_alpha=0.3, random_state=0), None),
    "positive code": (decomposition.DictionaryLearning(**CODED, positive_code=True, random_state=0), None),
    "split code": (decomposition.DictionaryLearning(**CODED, split_sign=True, random_state=0), None),
    "given dictionary": (decomposition.SparseCoder(np.eye(5)[:3], transform_algorithm="threshold"), None),
    "neighbourhood": (neighbors.NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=0), LABELS),
    "hidden units": (neural_network.BernoulliRBM(3, n_iter=3, random_state=0), None),
    "gaussian projection": (random_projection.GaussianRandomProjection(3, random_state=0), None),
    "sparse projection": (random_projection.SparseRandomProjection(3, random_state=0), None),
    "partial least squares": (cross_decomposition.PLSSVD(2), TARGETS),
    "random waves": (kernel_approximation.RBFSampler(n_components=9, random_state=0), None),
    "skewed chi-squared": (
        kernel_approximation.SkewedChi2Sampler(skewedness=99.0, n_components=9, random_state=0),
        None,
    ),
    "count sketch": (kernel_approximation.PolynomialCountSketch(degree=1, n_components=9, random_state=0), None),
    "count sketch of even width": (
        kernel_approximation.PolynomialCountSketch(degree=3, n_components=8, coef0=2, gamma=0.5, random_state=0),
        None,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_equals_scikit_learn(name: str) -> None:
    model, target = MODELS[name]
    assert_same(model.fit(ROWS, target), beside(ROWS, [[0.0]] * 5)[: 2 * len(ROWS) : 7], tolerance=1e-11)


@pytest.mark.parametrize(
    "kind", [cross_decomposition.PLSRegression, cross_decomposition.PLSCanonical, cross_decomposition.CCA]
)
def test_the_scores_of_a_regression_are_features_too(kind: Any) -> None:
    model, row = kind(2).fit(ROWS, TARGETS), Row(5)
    rows = ROWS.astype(np.float32)
    scores = plan_scores(Graph(row, lower(model, "transform", row)), rows)
    np.testing.assert_allclose(scores, model.transform(rows.astype(np.float64)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_additive_chi_squared_of_numbers_from_zero_on(steps: int) -> None:
    rows = np.abs(numbers(3))
    rows[::5, 1] = 0
    assert_same(kernel_approximation.AdditiveChi2Sampler(sample_steps=steps).fit(rows), rows)


@pytest.mark.parametrize(
    "model",
    [
        kernel_approximation.AdditiveChi2Sampler(),
        kernel_approximation.SkewedChi2Sampler(skewedness=0.5, random_state=0),
    ],
)
def test_a_number_that_a_sampler_refuses_gives_nan(model: Any) -> None:
    model.fit(np.abs(numbers(3)))
    graph = SklearnModel(model).to_graph()
    assert np.isnan(plan_scores(graph, np.array([[1, -0.5, 1], [1, 1, -2]], np.float32))).all()
