"""What the compiler needs to know of a trained model, wherever it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from device_contract.frames import Frame
from device_contract.manifest import Label

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

Task = Literal["regression", "classification"]
Family = Literal["linear", "trees", "other"]
"""What a model computes with; it decides the parity tolerance (``compiler.parity``)."""


@dataclass(frozen=True)
class OnnxArtifact:
    """A model as portable ONNX.

    Attributes:
        data: The serialised model; the same model gives the same bytes.
        input: Name of its only input, float32 (n_rows, n_features).
        output: Name of its only output, numeric, (n_rows, n_outputs) or (n_rows,).
    """

    data: bytes
    input: str
    output: str


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives.

    Attributes:
        task: What its outputs mean.
        family: What it computes with.
        n_features: Numbers in a row.
        feature_names: The names that it was fitted with; empty when it does not know them.
        labels: For classification, the label of each output.
        categories: For each feature that was text in training its texts, in the order of their positions;
            empty where there are none.
        frame: How the features are computed from a stream, its channels known by name only; None of a model of rows.
    """

    task: Task
    family: Family
    n_features: int
    feature_names: tuple[str, ...]
    labels: tuple[Label, ...]
    categories: tuple[tuple[str, ...], ...] = ()
    frame: Frame | None = None


class SourceModel(Protocol):
    """A trained model: the truth that every artifact is held to."""

    @property
    def signature(self) -> Signature:
        """What the model takes and gives."""

    @property
    def sha256(self) -> str:
        """Digest of the model's file, or of its state when it came from memory."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Hyper-parameters, for the lineage; the same model gives the same text."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Distributions that take part in reading and converting it."""

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs).

        Raises:
            ModelError: The model does not take these rows (NaN or infinities, say).
        """

    def to_onnx(self) -> OnnxArtifact:
        """Convert to ONNX.

        Raises:
            UnsupportedModelError: The model does not convert.
        """

    def to_graph(self) -> "Graph":
        """Lower to the compiler's own graph, from which a plan is made.

        Raises:
            UnsupportedModelError: A plan cannot express the model.
        """
