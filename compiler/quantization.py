"""Smaller plans: weights in fewer bits, if the labels say that the model stays as good.

A quantized model is another model: its truth is the graph with the rounded weights, which a
plan of ordinary operations scores. The plan of fewer bits is held to it as any plan is to its
model, and so are the self-test and the baseline. How far it is from the trained model, its
accuracy before and after tells.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from compiler.accuracy import accuracy_loss, measure_accuracy
from compiler.backends.artifact import EmittedArtifact, Scorer
from compiler.checks import Figure
from compiler.errors import AccuracyError, SampleError, UnsupportedModelError
from compiler.frontends.source import OnnxArtifact, Signature, SourceModel
from device_contract.plan.scorer import PlanScorer

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph, Node

Method = Literal["int8", "float16", "thresholds"]
ACCURACY_LOSS = 0.01
_ROUNDS = 5
_TIMED_ROWS = 2000
"""More than a processor remembers the branches of."""


@dataclass(frozen=True)
class Quantization:
    """What shall be made smaller.

    Attributes:
        method: ``int8`` or ``float16``: the weights of dense layers; ``thresholds``: those of trees.
        accuracy_loss: How much accuracy a classifier may lose (0.01: one row in a hundred), or by
            how much of itself a regression's RMSE may grow.
    """

    method: Method
    accuracy_loss: float = ACCURACY_LOSS


class QuantizedModel:
    """A model with rounded weights: a source like the trained one."""

    def __init__(self, source: SourceModel, method: Method, rows: NDArray[np.float32]) -> None:
        from compiler.ir.quantized import quantize_dense, with_weights  # noqa: PLC0415  (only when it is wanted)
        from compiler.ir.quantized_trees import quantize_trees, with_thresholds  # noqa: PLC0415  (the same)

        self._source = source
        self._method = method
        trained = source.to_graph()
        if method == "thresholds":
            self._graph = quantize_trees(trained, lambda node: _evaluate(trained, node, rows))
            self._rounded = with_thresholds(self._graph)
        else:
            self._graph = quantize_dense(trained, method)
            self._rounded = with_weights(self._graph)
        if self._rounded.output is self._graph.output:
            what = "trees" if method == "thresholds" else "dense layers"
            raise UnsupportedModelError(f"the model has no {what} that could be quantized")

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""
        return self._source.signature

    @property
    def sha256(self) -> str:
        """Digest of the trained model."""
        return self._source.sha256

    @property
    def parameters(self) -> Mapping[str, str]:
        """The trained model's parameters, and how it was quantized."""
        return {**self._source.parameters, "quantized": self._method}

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that take part in reading the trained model."""
        return self._source.packages

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features) with the rounded weights; returns (n_rows, n_outputs)."""
        return self._reference(rows)

    def to_onnx(self) -> OnnxArtifact:
        """Refuse: there is only a plan.

        Raises:
            UnsupportedModelError: Always.
        """
        raise UnsupportedModelError("a quantized model becomes a plan only")

    def to_graph(self) -> "Graph":
        """Return the graph with the codes of the weights."""
        return self._graph

    @cached_property
    def _reference(self) -> Scorer:
        return _scorer(self._rounded)


def _scorer(graph: "Graph") -> Scorer:
    from compiler.backends.plan import emit  # noqa: PLC0415  (only when it is wanted)

    return EmittedArtifact("plan", emit(graph)).scorer()


def _evaluate(graph: "Graph", node: "Node", rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return a node's numbers for each row, (n_rows, width)."""
    from compiler.ir.nodes import Float32, RefuseMissing, Row  # noqa: PLC0415  (only when it is wanted)

    while isinstance(node, Float32 | RefuseMissing):
        node = node.source
    return rows.astype(np.float64) if isinstance(node, Row) else _scorer(replace(graph, output=node))(rows)


def quantize(  # noqa: PLR0913, PLR0917  (the model, and what it is held against)
    source: SourceModel,
    wanted: Quantization,
    rows: NDArray[np.float32],
    truth: NDArray[np.float64],
    labels: NDArray[np.float64],
    figures: dict[str, Figure],
) -> tuple[SourceModel, NDArray[np.float64]]:
    """Quantize a model, and measure what that costs and saves.

    Args:
        source: The trained model.
        wanted: What shall be made smaller.
        rows: The sample, float32 (n_rows, n_features).
        truth: The trained model's scores of it, NaN in rows that it refuses.
        labels: What the rows turned out to be, (n_rows,), NaN where that is missing.
        figures: Told what is measured.

    Returns:
        The quantized model, and its scores of the sample, NaN in the same rows.

    Raises:
        UnsupportedModelError: There is nothing to quantize.
        SampleError: No row has a label.
        AccuracyError: The model becomes worse than is allowed.
    """
    from compiler.backends.plan import emit  # noqa: PLC0415  (only when it is wanted)

    quantized = QuantizedModel(source, wanted.method, rows)
    taken = np.asarray(np.isfinite(truth).all(axis=1))
    scores = np.where(taken[:, None], quantized.score(rows), np.nan)
    known = taken & np.isfinite(labels) & np.isfinite(scores).all(axis=1)
    if not known.any():
        raise SampleError("no row that the model scores has a label")
    before = measure_accuracy(source.signature, labels[known], truth[known])
    after = measure_accuracy(source.signature, labels[known], scores[known])
    plans = emit(source.to_graph()), emit(quantized.to_graph())
    figures |= {"method": wanted.method, "rows": int(known.sum()), "max_loss": wanted.accuracy_loss}
    figures["loss"] = accuracy_loss(before, after)
    for name, value in before.items():
        figures |= {f"{name}_before": value, f"{name}_after": after[name]}
    figures |= {"bytes_before": len(plans[0]), "bytes_after": len(plans[1])}
    one_row_us = _time_one_row(plans, rows[known])
    figures |= {"one_row_us_before": one_row_us[0], "one_row_us_after": one_row_us[1]}
    _hold(wanted, before, after)
    return quantized, scores


def _hold(wanted: Quantization, before: dict[str, float], after: dict[str, float]) -> None:
    loss = accuracy_loss(before, after)
    if loss > wanted.accuracy_loss:
        name = next(iter(before))
        raise AccuracyError(
            f"quantized to {wanted.method}, the model's {name} goes from {before[name]:.6g} to {after[name]:.6g}: "
            f"it loses {loss:.3g}, allowed {wanted.accuracy_loss:.3g} (--accuracy-loss)"
        )


def _time_one_row(plans: tuple[bytes, bytes], rows: NDArray[np.float32]) -> tuple[float, float]:
    """Return the time of one row with each plan, in microseconds: the best of several rounds by turns."""
    scorers = tuple(map(PlanScorer, plans))
    timed = [np.ascontiguousarray(rows[index % len(rows)]) for index in range(_TIMED_ROWS)]
    best = [float("inf"), float("inf")]
    for _ in range(_ROUNDS):
        for index, scorer in enumerate(scorers):
            best[index] = min(best[index], _time_round(scorer, timed))
    return round(best[0], 3), round(best[1], 3)


def _time_round(scorer: PlanScorer, rows: list[Any]) -> float:
    began = time.perf_counter()
    for row in rows:
        scorer.score(row)
    return (time.perf_counter() - began) / len(rows) * 1e6
