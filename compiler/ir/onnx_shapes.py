"""ONNX operators that move numbers, or only say how they are seen."""

from collections.abc import Sequence

import numpy as np

from compiler.ir.nodes import Concatenate
from compiler.ir.onnx_registry import Lowered, Operator, operator
from compiler.ir.onnx_tensors import (
    Tensor,
    broadcast,
    computed,
    constant,
    places,
    reshaped,
    taken,
    transposed,
    with_constant,
)


@operator("Identity")
def _identity(given: Operator) -> Tensor:
    return given.input()


@operator("Dropout")
def _dropout(given: Operator) -> Sequence[Lowered]:
    given.require(not (given.has(2) and given.constant(2).any()), "in training")
    return [given.input(), None]


@operator("Shape")
def _shape(given: Operator) -> Tensor:
    shape = given.input().shape
    return constant(np.array(shape[given.attribute("start", 0) : given.attribute("end", len(shape))], np.int64))


@operator("Size")
def _size(given: Operator) -> Tensor:
    return constant(np.int64(given.input().size))


@operator("Reshape")
def _reshape(given: Operator) -> Tensor:
    tensor, wanted = given.input(), given.numbers("shape", 1) or []
    if not given.attribute("allowzero", 0):
        wanted = [tensor.shape[axis] if size == 0 else size for axis, size in enumerate(wanted)]
    return reshaped(tensor, np.empty(tensor.shape, np.bool_).reshape(wanted).shape)


@operator("Flatten")
def _flatten(given: Operator) -> Tensor:
    tensor, axis = given.input(), given.attribute("axis", 1)
    axis = axis + len(tensor.shape) if axis < 0 else axis
    rows = int(np.prod(tensor.shape[:axis], dtype=np.int64))
    return reshaped(tensor, (rows, tensor.size // rows))


@operator("Squeeze")
def _squeeze(given: Operator) -> Tensor:
    axes = given.numbers("axes", 1)
    shape = np.empty(given.input().shape, np.bool_).squeeze(None if axes is None else tuple(axes)).shape
    return reshaped(given.input(), shape)


@operator("Unsqueeze")
def _unsqueeze(given: Operator) -> Tensor:
    axes = given.numbers("axes", 1) or []
    return reshaped(given.input(), np.expand_dims(np.empty(given.input().shape, np.bool_), tuple(axes)).shape)


@operator("Transpose")
def _transpose(given: Operator) -> Tensor:
    tensor = given.input()
    return transposed(tensor, tuple(given.attribute("perm", range(len(tensor.shape))[::-1])))


@operator("Expand")
def _expand(given: Operator) -> Tensor:
    wanted = tuple(given.constant(1).tolist())
    return broadcast(given.input(), np.broadcast_shapes(given.input().shape, wanted))


@operator("Tile")
def _tile(given: Operator) -> Tensor:
    return taken(given.input(), np.tile(places(given.input()), given.constant(1)))


@operator("Concat")
def _concat(given: Operator) -> Tensor:
    parts = [given.input(index) for index in range(len(given.inputs))]
    return joined(parts, given.attribute("axis", 0))


def joined(parts: list[Tensor], axis: int) -> Tensor:
    """Return tensors side by side along an axis."""
    starts = np.cumsum([0, *(part.size for part in parts)])
    order = np.concatenate([places(part) + start for part, start in zip(parts, starts, strict=False)], axis=axis)
    nodes = tuple(part.node for part in parts)
    together = computed(Concatenate(nodes) if len(nodes) > 1 else nodes[0], (int(starts[-1]),), parts[0].dtype)
    return taken(together, order)


@operator("Slice")
def _slice(given: Operator) -> Tensor:
    tensor = given.input()
    starts, ends = given.numbers("starts", 1) or [], given.numbers("ends", 2) or []
    axes = given.numbers("axes", 3) or range(len(starts))
    steps = (given.numbers("steps", 4) if given.has(4) else None) or [1] * len(starts)
    cut = [slice(None)] * len(tensor.shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        # Backward to before the first: numpy counts a negative end from the last.
        before_first = step < 0 and end < -tensor.shape[axis]
        cut[axis] = slice(start, None if before_first else end, step)
    return taken(tensor, places(tensor)[tuple(cut)])


@operator("Split")
def _split(given: Operator) -> Sequence[Lowered]:
    tensor, axis = given.input(), given.attribute("axis", 0)
    sizes = given.numbers("split", 1)
    if sizes is None:
        part = -(-tensor.shape[axis] // given.n_outputs)
        ends = np.arange(part, tensor.shape[axis], part)
    else:
        ends = np.cumsum(sizes)[:-1]
    return [taken(tensor, indices) for indices in np.split(places(tensor), ends, axis=axis)]


@operator("Gather")
def _gather(given: Operator) -> Tensor:
    return taken(given.input(), np.take(places(given.input()), given.constant(1), axis=given.attribute("axis", 0)))


@operator("GatherElements")
def _gather_elements(given: Operator) -> Tensor:
    tensor, axis, wanted = given.input(), given.attribute("axis", 0), given.constant(1)
    wanted = np.where(wanted < 0, wanted + tensor.shape[axis], wanted)
    return taken(tensor, np.take_along_axis(places(tensor), wanted, axis))


@operator("ArrayFeatureExtractor")
def _array_feature_extractor(given: Operator) -> Tensor:
    return taken(given.input(), places(given.input())[..., given.constant(1).reshape(-1)])


@operator("FeatureVectorizer")
def _feature_vectorizer(given: Operator) -> Tensor:
    return joined([given.input(index) for index in range(len(given.inputs))], 1)


@operator("DepthToSpace")
def _depth_to_space(given: Operator) -> Tensor:
    tensor, size = given.input(), given.attributes["blocksize"]
    n, channels, height, width = tensor.shape
    if given.attribute("mode", "DCR") == "DCR":
        seen, axes = (n, size, size, channels // size**2, height, width), (0, 3, 4, 1, 5, 2)
    else:
        seen, axes = (n, channels // size**2, size, size, height, width), (0, 1, 4, 2, 5, 3)
    order = places(tensor).reshape(seen).transpose(axes)
    return taken(tensor, order.reshape(n, channels // size**2, height * size, width * size))


@operator("SpaceToDepth")
def _space_to_depth(given: Operator) -> Tensor:
    tensor, size = given.input(), given.attributes["blocksize"]
    n, channels, height, width = tensor.shape
    seen = places(tensor).reshape(n, channels, height // size, size, width // size, size)
    axes = (0, 3, 5, 1, 2, 4) if given.attribute("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    return taken(tensor, seen.transpose(axes).reshape(n, -1, height // size, width // size))


@operator("Pad")
def _pad(given: Operator) -> Tensor:
    tensor, mode = given.input(), given.attribute("mode", "constant")
    pads = np.array(given.numbers("pads", 1)).reshape(2, -1).T
    axes = given.numbers("axes", 3) or range(len(tensor.shape))
    cut, grown = [slice(None)] * len(tensor.shape), [(0, 0)] * len(tensor.shape)
    for axis, (before, after) in zip(axes, pads.tolist(), strict=True):
        cut[axis] = slice(max(0, -before), tensor.shape[axis] - max(0, -after))
        grown[axis] = (max(0, before), max(0, after))
    indices = places(tensor)[tuple(cut)]
    if mode == "constant":
        value = float(given.constant(2).reshape(-1)[0]) if given.has(2) else given.attribute("value", 0.0)
        source = computed(with_constant(tensor.node, value), (tensor.size + 1,), tensor.dtype)
        return taken(source, np.pad(indices, grown, constant_values=tensor.size))
    given.require(mode in {"edge", "reflect", "wrap"}, f"with mode {mode}")
    return taken(tensor, np.pad(indices, grown, mode=mode))
