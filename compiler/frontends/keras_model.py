"""Keras models: Keras's own scores are the truth, its exporter makes the ONNX.

Keras 3 computes with torch here, so that TensorFlow is not needed. A ``.keras`` file holds a
configuration and weights, no code; Keras's safe mode refuses the layers that would bring some.
"""

import os
import tempfile
import warnings
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "torch")  # before its import, or it looks for TensorFlow

import keras

from compiler.errors import ModelError, UnsupportedModelError, one_line
from compiler.frontends.network import Network
from compiler.frontends.source import OnnxArtifact, Signature
from device_contract.canonical import sha256_hex

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_ROWS_AT_ONCE = 1024


class KerasModel:
    """A built Keras model as a ``SourceModel``."""

    packages = ("keras", "numpy", "onnx", "onnxscript", "torch")

    def __init__(self, model: Any, sha256: str | None = None) -> None:
        """Take a model.

        Args:
            model: A built ``keras.Model`` with one input of fixed shape and one output.
            sha256: Digest of the file that it came from; of its ONNX when left out.

        Raises:
            ModelError: It is not built, has several inputs or one of open shape, or Keras cannot export it.
        """
        shape = getattr(model, "input_shape", None)
        if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape[1:]):
            raise ModelError(f"the Keras model takes {shape}; it must be built, with one input of fixed shape")
        self._keras = model
        self._row_shape = tuple(shape[1:])
        self.score(np.zeros((1, prod(self._row_shape)), np.float32))  # Keras exports what has been called
        self._network = Network(_to_onnx(model), self._row_shape)
        self.signature: Signature = self._network.signature
        self.sha256 = sha256 or sha256_hex(self._network.to_onnx().data)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The model's layers, and the shape of a row."""
        layers = " > ".join(type(layer).__name__ for layer in self._keras.layers)
        return {"model_type": type(self._keras).__name__, "layers": layers, "row_shape": repr(self._row_shape)}

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        seen = rows.reshape(len(rows), *self._row_shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own use of numpy
            scores = self._keras.predict(seen, batch_size=_ROWS_AT_ONCE, verbose=0)
        return np.asarray(scores, np.float64).reshape(len(rows), -1)

    def to_onnx(self) -> OnnxArtifact:
        """Return what Keras's exporter made, over flat rows."""
        return self._network.to_onnx()

    def to_graph(self) -> "Graph":
        """Lower the ONNX graph."""
        return self._network.to_graph()


def load_keras(data: bytes) -> Any:
    """Load a ``.keras`` file.

    Raises:
        ModelError: Keras does not take it, or it would bring code.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(data)
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever the file makes it meet
            raise ModelError(f"Keras does not load it: {one_line(error)}") from error


def _to_onnx(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        try:
            model.export(path, format="onnx", verbose=False)
            return path.read_bytes()
        except Exception as error:  # Keras raises whatever its converters meet
            raise UnsupportedModelError(f"Keras does not convert the model to ONNX: {one_line(error)}") from error
