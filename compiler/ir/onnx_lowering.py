"""ONNX graphs to our own: operator by operator, each a function of its inputs.

What onnxruntime gives is the truth here, also where it differs from the library that the
graph was converted from. A variant that a plan cannot express is refused, not approximated.
"""

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Final

from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from compiler.errors import UnsupportedModelError, one_line
from compiler.ir import (  # noqa: F401  (each fills the registry)
    onnx_elementwise,
    onnx_learners,
    onnx_networks,
    onnx_recurrent,
    onnx_reductions,
    onnx_shapes,
)
from compiler.ir.nodes import Graph, Row
from compiler.ir.onnx_registry import Lowered, Operator, lower_operator
from compiler.ir.onnx_tensors import Tensor, computed, constant
from device_contract.plan.format import MAX_FEATURES, MAX_VALUES

_LEARNERS: Final = "ai.onnx.ml"
_MAX_NUMBERS: Final = 32 * MAX_VALUES
"""Of all tensors together: what lowering may keep in memory."""


def lower_onnx(model: ModelProto) -> Graph:
    """Lower an ONNX graph with one float32 input (n_rows, ...) and one output.

    Arithmetic is float32, as in ONNX, unless the graph has learners (trees compare float64
    sums) or float64 tensors of its own.

    Raises:
        UnsupportedModelError: It holds an operator, or an operator's variant, that a plan cannot express.
    """
    return _Lowering(model).graph()


class _Lowering:
    def __init__(self, model: ModelProto) -> None:
        self._model = model
        self._versions = {"" if each.domain == "ai.onnx" else each.domain: each.version for each in model.opset_import}
        self._uses = Counter(name for operator in model.graph.node for name in operator.input)
        self._uses.update(output.name for output in model.graph.output)
        self._single_precision = not _needs_doubles(model)
        self._numbers = 0

    def graph(self) -> Graph:
        given = self._model.graph.input[0]
        inner = [int(dimension.dim_value) for dimension in given.type.tensor_type.shape.dim][1:]
        row = Row(prod(inner))
        if not 0 < row.width <= MAX_FEATURES:
            raise UnsupportedModelError(f"the ONNX model takes {row.width} numbers a row, a plan 1 to {MAX_FEATURES}")
        self._tensors: dict[str, Lowered] = {
            tensor.name: constant(numpy_helper.to_array(tensor)) for tensor in self._model.graph.initializer
        }
        self._tensors[given.name] = computed(row, (1, *inner))
        for operator in self._model.graph.node:
            self._lower(operator)
        output = self._tensor(self._model.graph.output[0].name)
        if output is None or output.constant is not None:
            raise UnsupportedModelError("a plan cannot express a model whose output does not depend on the row")
        return Graph(row, output.node, single_precision=self._single_precision)

    def _lower(self, node: NodeProto) -> None:
        inputs = [self._tensor(name) if name else None for name in node.input]
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        given = Operator(
            node.op_type,
            self._versions.get("" if node.domain == "ai.onnx" else node.domain, 1),
            attributes,
            inputs,
            n_outputs=len(node.output),
            used_once=bool(node.input) and self._uses[node.input[0]] == 1,
            rounds=not self._single_precision,
        )
        if all(tensor is None or tensor.constant is not None for tensor in inputs):
            outputs: Sequence[Lowered] = self._folded(node, inputs)
        else:
            try:
                outputs = lower_operator(given)
            except UnsupportedModelError:
                raise
            except (ValueError, IndexError, KeyError, TypeError) as error:
                raise given.unsupported(f"with what it is given: {one_line(error)}") from error
        self._numbers += sum(tensor.size for tensor in outputs if tensor is not None)
        if self._numbers > _MAX_NUMBERS:
            raise UnsupportedModelError(f"the ONNX model computes more than {_MAX_NUMBERS} numbers a row")
        self._tensors.update(zip(node.output, outputs, strict=False))

    def _tensor(self, name: str) -> Tensor:
        tensor = self._tensors.get(name)
        if tensor is None:
            raise UnsupportedModelError(f"a plan cannot express the ONNX output {name!r}, which the model uses")
        return tensor

    def _folded(self, node: NodeProto, inputs: Sequence[Lowered]) -> list[Lowered]:
        """Compute what does not depend on the row."""
        feeds = {name: tensor.constant for name, tensor in zip(node.input, inputs, strict=True) if tensor is not None}
        try:
            results = ReferenceEvaluator(node, opsets=self._versions).run(None, feeds)
        except Exception as error:  # the reference raises whatever it meets
            raise UnsupportedModelError(
                f"a plan cannot express the ONNX operator {node.op_type} of constants: {one_line(error)}"
            ) from error
        return [constant(result) for result in results]


def _needs_doubles(model: ModelProto) -> bool:
    types = [tensor.data_type for tensor in model.graph.initializer]
    types += [attribute.i for node in model.graph.node for attribute in node.attribute if attribute.name == "to"]
    return TensorProto.DOUBLE in types or any(node.domain == _LEARNERS for node in model.graph.node)
