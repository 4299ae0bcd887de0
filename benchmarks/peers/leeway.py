"""Ours: a compiled bundle's plan behind ``edge_agent.Scorer``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import InProcess, Rows, UnavailableError
from benchmarks.convolution import network
from benchmarks.trained import Trained
from compiler import compile_model
from compiler.errors import CompilerError
from device_contract.errors import ContractError
from edge_agent import Scorer

NAME = "Leeway, plan"


class Plan(InProcess):
    """One row gives Python floats; a batch fills an array that is there already."""

    name = NAME

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def call(self, n_rows: int) -> Callable[[Any], object]:
        """Return the scorer's own method, or one around the batch's."""
        if n_rows == 1:
            return self._scorer.score
        return lambda given: self._scorer.score_batch(given[0], given[1])

    def argument(self, rows: Rows) -> Any:
        """Return the row, or the rows and room for their scores."""
        flat = rows.reshape(len(rows), -1)
        if len(rows) == 1:
            return flat[0].copy()
        return flat, np.empty((len(rows), len(self._scorer.manifest.outputs)))

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """Score rows by ``score_batch``."""
        scores: NDArray[np.float64] = self._scorer.score_batch(rows.reshape(len(rows), -1))
        return scores


def prepare(model: Trained) -> list[Plan]:
    """Compile the model to a bundle with a plan, and open it.

    Raises:
        UnavailableError: The compiler has no plan for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [Plan(Scorer.open(compiled(model, Path(folder))))]


def compiled(model: Trained, folder: Path) -> Path:
    """Compile the model to a bundle with a plan; of G its ONNX form with flat rows, for a device's rows are flat.

    Raises:
        UnavailableError: The compiler has no plan for it.
    """
    given: Any = model.estimator
    if model.letter == "G":
        given = folder / "network.onnx"
        given.write_bytes(network(model.estimator, flat=True).SerializeToString())
    sample = model.data.sample.reshape(len(model.data.sample), -1)
    try:
        bundle = compile_model(given, sample, name=f"model-{model.letter.lower()}", version="1", kind="plan")
    except (CompilerError, ContractError) as error:
        raise UnavailableError(str(error).splitlines()[0]) from error
    return bundle.write(folder)
