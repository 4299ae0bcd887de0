from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_refuses_missing_values,
    rows_and_classes,
    rows_and_values,
    trial_rows,
)

KERNELS = ("linear", "rbf", "poly", "sigmoid", "cosine")


@pytest.mark.parametrize("kernel", [*KERNELS, "laplacian"])
@pytest.mark.parametrize("gamma", [None, 0.1])
def test_regresses_by_a_ridge(kernel: str, gamma: float | None) -> None:
    rows, values = rows_and_values()
    model = KernelRidge(alpha=50, kernel=kernel, gamma=gamma).fit(
        rows.astype(np.float64), np.stack([values, -values], axis=1)
    )
    assert_agrees(model, trial_rows())


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "model", [KernelPCA(3, random_state=0), Nystroem(n_components=3, random_state=0)], ids=["components", "map"]
)
def test_transforms(kernel: str, model: Any) -> None:
    rows, _ = rows_and_values()
    assert_agrees(model.set_params(kernel=kernel).fit(rows.astype(np.float64)), trial_rows(), tolerance=1e-8)


def test_a_power_that_is_not_whole() -> None:
    rows, values = rows_and_values()
    model = KernelRidge(kernel="poly", degree=1.5, coef0=200).fit(rows.astype(np.float64), values)
    assert_agrees(model, trial_rows()[:40])


@pytest.mark.parametrize("kernel", ["rbf", "knn"])
@pytest.mark.parametrize("kind", [LabelPropagation, LabelSpreading])
def test_classifies_by_labels_that_spread(kernel: str, kind: type) -> None:
    """A row that no label reaches has NaN, as in scikit-learn."""
    rows, classes = rows_and_classes()
    known = np.where(np.arange(len(rows)) % 3 == 0, classes, -1)
    model = kind(kernel=kernel, gamma=0.5, n_neighbors=5, max_iter=5000).fit(rows.astype(np.float64), known)
    assert_agrees(model, trial_rows()[:40])


def test_a_kernel_of_its_own_is_told() -> None:
    rows, values = rows_and_values()
    model = KernelRidge(kernel=lambda left, right: float(left @ right)).fit(rows.astype(np.float64), values)
    with pytest.raises(UnsupportedModelError, match="KernelRidge with a kernel of its own"):
        lower_estimator(model)


def test_refuses_missing_values() -> None:
    rows, values = rows_and_values()
    assert_refuses_missing_values(KernelRidge(kernel="rbf").fit(rows.astype(np.float64), values))
