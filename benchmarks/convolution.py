"""Model G: a small 1-D convolutional network over windows of 6 channels x 128 samples.

Its weights are seeded random numbers, for its speed does not depend on what it has learnt::

    convolution 6 -> 16, width 3 > batch norm > relu > max pool 2
    > convolution 16 -> 32, width 3 > batch norm > relu > max pool 2
    > mean over time > dense 32 -> 4 > softmax

The same weights make the ONNX graph here and the torch module of ``benchmarks.torch_worker``.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

CHANNELS, LENGTH, CLASSES = 6, 128, 4
FILTERS = (16, 32)
WIDTH = 3
Weights = Mapping[str, NDArray[np.float32]]
"""By torch's names for them: ``0.weight`` is the first layer's."""


def weights() -> Weights:
    """Draw the weights, scaled so that a layer keeps its input's variance."""
    numbers = np.random.default_rng(0)

    def drawn(*shape: int) -> NDArray[np.float32]:
        values = numbers.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        return np.asarray(values, np.float32)

    def few(size: int) -> NDArray[np.float32]:
        return drawn(size, 1)[:, 0]

    found: dict[str, NDArray[np.float32]] = {}
    channels = CHANNELS
    for layer, filters in zip(("0", "4"), FILTERS, strict=True):
        norm = str(int(layer) + 1)
        found |= {f"{layer}.weight": drawn(filters, channels, WIDTH), f"{layer}.bias": few(filters)}
        found |= {f"{norm}.weight": np.abs(few(filters)), f"{norm}.bias": few(filters)}
        found |= {f"{norm}.running_mean": few(filters), f"{norm}.running_var": np.abs(few(filters)) + np.float32(1)}
        channels = filters
    return found | {"10.weight": drawn(CLASSES, channels), "10.bias": few(CLASSES)}


def network(given: Weights, *, flat: bool = False) -> ModelProto:
    """Build the graph.

    Args:
        given: From ``weights``.
        flat: Take rows of 768 numbers, (n_rows, 768), instead of (n_rows, 6, 128).
    """
    shape: list[str | int | None] = ["n_rows", CHANNELS * LENGTH] if flat else ["n_rows", CHANNELS, LENGTH]
    tensors = [numpy_helper.from_array(value, name) for name, value in given.items()]
    nodes = []
    if flat:
        tensors.append(numpy_helper.from_array(np.array([-1, CHANNELS, LENGTH]), "shape"))
        nodes.append(helper.make_node("Reshape", ["row", "shape"], ["windows"]))
    nodes += _convolution(0, "windows" if flat else "row", "half")
    nodes += _convolution(4, "half", "quarter")
    nodes += [
        helper.make_node("GlobalAveragePool", ["quarter"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["features"]),
        helper.make_node("Gemm", ["features", "10.weight", "10.bias"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, shape)
    output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n_rows", CLASSES])
    graph = helper.make_graph(nodes, "convolution", [row], [output], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    checker.check_model(model)
    return model


def _convolution(layer: int, source: str, result: str) -> list[NodeProto]:
    """Convolve, normalise, rectify and halve the length."""
    norm = [f"{layer + 1}.{name}" for name in ("weight", "bias", "running_mean", "running_var")]
    convolved, normed, positive = (f"{layer + step}.output" for step in range(3))
    pads = [WIDTH // 2, WIDTH // 2]
    kernel = [f"{layer}.weight", f"{layer}.bias"]
    return [
        helper.make_node("Conv", [source, *kernel], [convolved], kernel_shape=[WIDTH], pads=pads),
        helper.make_node("BatchNormalization", [convolved, *norm], [normed]),
        helper.make_node("Relu", [normed], [positive]),
        helper.make_node("MaxPool", [positive], [result], kernel_shape=[2], strides=[2]),
    ]
