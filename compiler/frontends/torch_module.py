"""PyTorch modules and exported programs: torch's own scores are the truth, its exporter makes the ONNX.

Files of torch hold pickles (``.pt``, ``.pth``) or expressions that are evaluated (``.pt2``), so
each runs what code it holds: they are loaded on trust only.
"""

import io
import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from compiler.errors import ModelError, UnsupportedModelError, one_line
from compiler.frontends.network import Network
from compiler.frontends.source import OnnxArtifact, Signature
from device_contract.canonical import sha256_hex

if TYPE_CHECKING:
    from compiler.ir.nodes import Graph

_ROWS_AT_ONCE = 1024


class TorchModel:
    """An exported program, or a module, as a ``SourceModel``."""

    packages = ("numpy", "onnx", "onnxscript", "torch")

    def __init__(self, model: Any, sha256: str | None = None) -> None:
        """Take a program whose number of rows is open, or a module.

        Args:
            model: A ``torch.export.ExportedProgram``; or a ``torch.nn.Module`` that tells in ``row_shape`` what it
                takes for a row, or starts with a ``torch.nn.Linear``, which tells by itself.
            sha256: Digest of the file that it came from; of its weights when left out.

        Raises:
            ModelError: torch cannot export it, or it takes other than one tensor of rows.
        """
        program = model if isinstance(model, torch.export.ExportedProgram) else _exported(model)
        self._type = type(model).__name__
        self._module = program.module()
        self._row_shape = _row_shape(program)
        self._network = Network(_to_onnx(program), self._row_shape)
        self.signature: Signature = self._network.signature
        self.sha256 = sha256 or sha256_hex(self._network.to_onnx().data)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The module's type, and the shape of a row."""
        return {"model_type": self._type, "row_shape": repr(self._row_shape)}

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows of shape (n_rows, n_features); returns (n_rows, n_outputs)."""
        pieces = [rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE)]
        with torch.inference_mode():
            scores = [self._module(torch.from_numpy(piece.reshape(-1, *self._row_shape).copy())) for piece in pieces]
        return np.asarray(torch.cat(scores).numpy(), np.float64).reshape(len(rows), -1)

    def to_onnx(self) -> OnnxArtifact:
        """Return what torch's exporter made, over flat rows."""
        return self._network.to_onnx()

    def to_graph(self) -> "Graph":
        """Lower the ONNX graph."""
        return self._network.to_graph()


def load_torch(data: bytes, suffix: str) -> Any:
    """Load an exported program (``.pt2``) or a pickled module.

    Raises:
        ModelError: The file is not sound, or holds no module but its weights alone.
    """
    try:
        if suffix == ".pt2":
            return torch.export.load(io.BytesIO(data))
        model = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
    except Exception as error:  # torch raises whatever the file makes it meet
        raise ModelError(f"torch does not load it: {one_line(error)}") from error
    if not isinstance(model, torch.nn.Module):
        raise ModelError(f"it holds a {type(model).__name__}, not a module; save it with torch.export.save as .pt2")
    return model


def _exported(module: Any) -> Any:
    module = module.eval()
    rows = torch.zeros(2, *_shape_of_module(module))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(module, (rows,), dynamic_shapes=({0: torch.export.Dim("n_rows")},))
    except Exception as error:  # the module's own code runs
        raise ModelError(f"torch does not export {type(module).__name__}: {one_line(error)}") from error


def _shape_of_module(module: Any) -> tuple[int, ...]:
    if hasattr(module, "row_shape"):
        return tuple(int(size) for size in module.row_shape)
    first = next((each for each in module.modules() if next(each.children(), None) is None), None)
    if isinstance(first, torch.nn.Linear):
        return (first.in_features,)
    raise ModelError(
        f"{type(module).__name__} does not tell the shape of a row; set its row_shape, or save it with "
        "torch.export.save as .pt2"
    )


def _row_shape(program: Any) -> tuple[int, ...]:
    names = program.graph_signature.user_inputs
    inputs = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(inputs) != 1 or inputs[0].dtype != torch.float32:
        raise ModelError(f"the exported program has {len(inputs)} inputs; it must take one float32 tensor of rows")
    rows, *inner = inputs[0].shape
    if isinstance(rows, int) or not inner or not all(isinstance(size, int) for size in inner):
        raise ModelError("the exported program must leave the number of rows open (dynamic_shapes), and nothing else")
    return tuple(inner)


def _to_onnx(program: Any) -> bytes:
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it tells which optional libraries it does without
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exported = torch.onnx.export(program, dynamo=True, verbose=False)
            return bytes(exported.model_proto.SerializeToString(deterministic=True))
    except Exception as error:  # torch raises whatever its converters meet
        raise UnsupportedModelError(f"torch does not convert the program to ONNX: {one_line(error)}") from error
    finally:
        logger.setLevel(level)
