from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor, kernels

from compiler.errors import UnsupportedModelError
from compiler.ir.lowering import lower_estimator
from tests.compiler.ir.estimator_plans import (
    assert_agrees,
    assert_refuses_missing_values,
    rows_and_classes,
    rows_and_values,
    trial_rows,
)

KERNELS: dict[str, Any] = {
    "default": None,
    "scaled, with noise": kernels.ConstantKernel(2) * kernels.RBF(3) + kernels.WhiteKernel(1),
    "a length a feature": kernels.RBF(np.arange(1.0, 5.0)),
    "matern 1/2": kernels.Matern(2, nu=0.5),
    "matern 3/2": kernels.Matern(2, nu=1.5),
    "matern 5/2": kernels.Matern(np.arange(1.0, 5.0), nu=2.5),
    "matern, smooth": kernels.Matern(2, nu=np.inf),
    "rational quadratic": kernels.RationalQuadratic(2, 1.5),
    "periodic": kernels.ExpSineSquared(3, 40) + kernels.WhiteKernel(),
    "products": kernels.DotProduct() + kernels.WhiteKernel(),
    "powers": (kernels.RBF(2) + kernels.DotProduct(0.1)) ** 2 + kernels.ConstantKernel(2) ** 2 + kernels.WhiteKernel(),
    "numbers beside": kernels.ConstantKernel(2) * kernels.ConstantKernel(3) + kernels.RBF(2),
}


@pytest.mark.parametrize("name", KERNELS)
def test_regresses(name: str) -> None:
    rows, values = rows_and_values()
    model = GaussianProcessRegressor(KERNELS[name], alpha=1e-2, optimizer=None, normalize_y=True)
    assert_agrees(model.fit(rows.astype(np.float64), np.stack([values, values**2], axis=1)), trial_rows())


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifies(name: str, n_classes: int) -> None:
    rows, classes = rows_and_classes(n_classes)
    model = GaussianProcessClassifier(KERNELS[name], optimizer=None).fit(rows.astype(np.float64), classes)
    assert_agrees(model, trial_rows(), tolerance=1e-8)  # the variance is a small difference of large numbers


@pytest.mark.parametrize(
    ("kernel", "told"),
    [(kernels.Matern(nu=2), "Matern with nu=2"), (kernels.PairwiseKernel(metric="chi2"), "kernel 'chi2'")],
)
def test_a_kernel_that_it_cannot_express_is_told(kernel: Any, told: str) -> None:
    rows, values = rows_and_values()
    model = GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None).fit(np.abs(rows).astype(np.float64), values)
    with pytest.raises(UnsupportedModelError, match=told):
        lower_estimator(model)


def test_refuses_missing_values() -> None:
    rows, values = rows_and_values()
    assert_refuses_missing_values(GaussianProcessRegressor(optimizer=None).fit(rows.astype(np.float64), values))
