"""An artifact as a backend emits it, and how it is scored here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from device_contract.manifest import ArtifactKind

Scorer = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Rows of shape (n_rows, n_features) to scores of shape (n_rows, n_outputs)."""

FILE_NAMES: dict[ArtifactKind, str] = {"onnx": "model.onnx", "plan": "model.plan"}


@dataclass(frozen=True)
class EmittedArtifact:
    """The model in executable form.

    Attributes:
        kind: ``onnx`` or ``plan``.
        data: The file's bytes.
        onnx_input: For ``onnx``, the name of the graph's input.
        onnx_output: For ``onnx``, the name of the graph's output.
    """

    kind: ArtifactKind
    data: bytes | memoryview
    onnx_input: str = ""
    onnx_output: str = ""

    def scorer(self) -> Scorer:
        """Load the artifact, the first time, with what the device loads it with.

        Raises:
            ModelError: onnxruntime does not load it.
            PlanError: The plan is not sound.
        """
        return self._loaded

    @cached_property
    def _loaded(self) -> Scorer:
        return self._onnx_scorer() if self.kind == "onnx" else self._plan_scorer()

    def _onnx_scorer(self) -> Scorer:
        from compiler.onnx_session import OnnxSession  # noqa: PLC0415  (only where there is such an artifact)

        session = OnnxSession(self.data)
        return lambda rows: session.score(self.onnx_input, self.onnx_output, rows)

    def _plan_scorer(self) -> Scorer:
        from device_contract.plan.scorer import PlanScorer  # noqa: PLC0415  (the same)

        plan = PlanScorer(self.data)

        def score(rows: NDArray[np.float32]) -> NDArray[np.float64]:
            scores = np.empty((len(rows), plan.n_outputs), dtype=np.float64)
            plan.score_batch(np.ascontiguousarray(rows), len(rows), scores)
            return scores

        return score
