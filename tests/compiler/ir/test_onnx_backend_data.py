"""ONNX's own test data, for every operator that a plan takes.

The first input of a case becomes the row, whatever its shape and type: a reshape and a cast
stand in front of the model. The other inputs become constants. Every output of a case is a
plan of its own. Whatever is refused is told in ``CONTRACT`` or ``VARIANTS``.
"""

import importlib
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx.backend.test
import onnx.backend.test.case.node as node_cases
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from compiler.backends.plan import emit
from compiler.errors import UnsupportedModelError
from compiler.ir.onnx_lowering import lower_onnx
from compiler.ir.onnx_registry import known_operators
from device_contract.plan.format import MAX_OUTPUTS
from device_contract.plan.scorer import PlanScorer

pytestmark = pytest.mark.slow

FOLDED = frozenset({"Constant", "ConstantOfShape", "Range"})
"""Operators that depend on no row in any case: computed while the graph is lowered."""

CONTRACT = [
    r"Cast(Like)? to (b?float|u?int|object)",  # types that a plan does not compute with
    r"Cast with what it is given: 0",  # sequences and optional tensors
    r"a tensor of shape \(.*\b0\b.*\)",  # without numbers
    r"operator Reshape with what it is given: cannot reshape array of size 1",  # the same, at the input
    r"does not depend on the row",
    r"takes \d+ numbers a row, a plan 1 to 65535",
]
"""What a row of float32 numbers cannot say, of any operator."""

VARIANTS: dict[str, list[str]] = {
    "ArgMax": ["with select_last_index"],
    "ArgMin": ["with select_last_index"],
    "BatchNormalization": ["in training"],
    "Div": ["of whole numbers"],
    "Dropout": ["in training", "the ONNX output 'z'"],  # the mask
    "LSTM": ["with peepholes"],
    "LayerNormalization": ["the ONNX output 'Mean'", "the ONNX output 'InvStdDev'"],
    "MaxPool": ["the ONNX output 'z'"],  # where the greatest lie
}
"""By operator, what the plan refuses; every entry is met."""


def modules() -> dict[str, list[str]]:
    """Return the modules that make the cases of each operator: a class by the operator's name."""
    found: dict[str, list[str]] = {}
    root = Path(node_cases.__file__).parent
    for file in sorted(root.rglob("*.py")):
        name = ".".join([node_cases.__name__, *file.relative_to(root).with_suffix("").parts])
        for operator in re.findall(r"^class (\w+)\(Base\)", file.read_text(), re.MULTILINE):
            found.setdefault(operator, []).append(name)
    return found


OF_SHAPES = {"Shape", "Size"}
"""Their results depend on no row: they are constants."""
WITHOUT_CASES = {
    "FeatureVectorizer",
    "Imputer",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "OneHotEncoder",
    "Scaler",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
}
"""Learners, of which ONNX tests few; ``test_onnx_parity`` holds them to onnxruntime."""
OPERATORS = sorted(known_operators() - OF_SHAPES - WITHOUT_CASES)


def test_no_operator_is_left_out() -> None:
    assert not WITHOUT_CASES & set(modules())
    assert known_operators() - WITHOUT_CASES <= set(modules())


@cache
def cases_of(module: str) -> list[Any]:
    """Import a module, which makes its cases; returns those."""
    first = len(node_cases._NodeTestCases)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(module)
    return node_cases._NodeTestCases[first:]


def of_row(model: ModelProto, inputs: list[NDArray[Any]], output: int = 0) -> ModelProto:
    """Return a model that makes one output from a float32 row, which holds the first input."""
    adapted = ModelProto()
    adapted.CopyFrom(model)
    graph = adapted.graph
    stored = {tensor.name for tensor in graph.initializer}
    first, *others = [value for value in graph.input if value.name not in stored]
    row = helper.make_tensor_value_info("the row", TensorProto.FLOAT, [None, inputs[0].size])
    shape = numpy_helper.from_array(np.array(inputs[0].shape, np.int64), "the shape")
    before = [
        helper.make_node("Reshape", ["the row", "the shape"], ["shaped"]),
        helper.make_node("Cast", ["shaped"], [first.name], to=first.type.tensor_type.elem_type),
    ]
    constants = [numpy_helper.from_array(value, each.name) for each, value in zip(others, inputs[1:], strict=True)]
    # A plan has at most 4096 outputs: those of a wider case are its first.
    cuts = [("the flat", [-1]), ("the start", [0]), ("the end", [MAX_OUTPUTS])]
    constants += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in cuts]
    after = [
        helper.make_node("Reshape", [graph.output[output].name, "the flat"], ["flat"]),
        helper.make_node("Slice", ["flat", "the start", "the end"], ["the scores"]),
    ]
    nodes = list(graph.node)
    del graph.input[:], graph.node[:], graph.output[:]
    graph.input.append(row)
    graph.output.append(helper.make_tensor_value_info("the scores", TensorProto.FLOAT, None))
    graph.initializer.extend([shape, *constants])
    graph.node.extend([*before, *nodes, *after])
    return adapted


def scores_of(model: ModelProto, rows: NDArray[Any]) -> NDArray[np.float64]:
    """Score rows one by one and all at once, which is the same to the last bit."""
    scorer = PlanScorer(emit(lower_onnx(model)))
    rows = np.ascontiguousarray(rows.reshape(len(rows), -1), np.float32)
    together, alone = np.empty((2, len(rows), scorer.n_outputs))
    scorer.score_batch(rows, len(rows), together)
    for row, scores in zip(rows, alone, strict=True):
        scorer.score_into(row, scores)
    assert together.tobytes() == alone.tobytes()
    return together


def array(value: Any) -> NDArray[Any]:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def attempts(operator: str) -> Iterator[tuple[Any, list[NDArray[Any]], int, NDArray[Any]]]:
    """Walk the cases that have no other operators than known ones, output by output."""
    for module in modules()[operator]:
        for case in cases_of(module):
            used = {node.op_type for node in case.model.graph.node}
            if used <= known_operators() | FOLDED:
                for inputs, outputs in case.data_sets:
                    for place, expected in enumerate(outputs):
                        yield case, list(map(array, inputs)), place, array(expected)


@pytest.mark.parametrize("operator", OPERATORS)
def test_equals_what_onnx_expects(operator: str) -> None:
    met, compared = set(), 0
    for case, inputs, place, expected in attempts(operator):
        try:
            scores = scores_of(of_row(case.model, inputs, place), np.stack([inputs[0]] * 3))
        except UnsupportedModelError as error:
            reasons = [reason for reason in VARIANTS.get(operator, []) if reason in str(error)]
            if not reasons and not any(re.search(reason, str(error)) for reason in CONTRACT):
                raise
            met.update(reasons)
            continue
        right = expected.astype(np.float64).reshape(-1)[:MAX_OUTPUTS]
        # The tolerance that ONNX's own runner allows float32; rows are float32 here whatever the case's type.
        np.testing.assert_allclose(scores, [right] * 3, rtol=max(case.rtol, 1e-3), atol=1e-5, err_msg=case.name)
        compared += 1
    assert compared > 0
    assert met == set(VARIANTS.get(operator, []))


STORED = Path(onnx.backend.test.__file__).parent / "data"
NETWORKS = sorted(folder.name for folder in (STORED / "pytorch-converted").iterdir())
REFUSED_NETWORKS = {
    "test_ConvTranspose2d": "operator ConvTranspose",
    "test_ConvTranspose2d_no_bias": "operator ConvTranspose",
    "test_Embedding": "operator Gather whose input 1 depends on the row",
    "test_Embedding_sparse": "operator Gather whose input 1 depends on the row",
    "test_MaxPool1d_stride_padding_dilation": "numbers a row",
    "test_MaxPool2d_stride_padding_dilation": "numbers a row",
}
OF_A_BATCH = {"test_PoissonNLLLLoss_no_reduce"}
"""It compares a batch with constants for each of its rows: the whole batch is our row."""


def stored(folder: Path, pattern: str) -> list[NDArray[Any]]:
    return [numpy_helper.to_array(TensorProto.FromString(file.read_bytes())) for file in sorted(folder.glob(pattern))]


@pytest.mark.parametrize("name", NETWORKS)
def test_equals_what_torch_gave(name: str) -> None:
    """Models that were converted from torch, with what it gave for each row of a batch."""
    model = onnx.load(STORED / "pytorch-converted" / name / "model.onnx")
    data = STORED / "pytorch-converted" / name / "test_data_set_0"
    inputs, (expected, *_) = stored(data, "input_*.pb"), stored(data, "output_*.pb")
    rows = inputs[0][None] if name in OF_A_BATCH else inputs[0]
    one_row = of_row(model, [rows[0] if name in OF_A_BATCH else rows[:1], *inputs[1:]])
    if name in REFUSED_NETWORKS:
        with pytest.raises(UnsupportedModelError, match=REFUSED_NETWORKS[name]):
            emit(lower_onnx(one_row))
        return
    right = expected.reshape(len(rows), -1)[:, :MAX_OUTPUTS]
    np.testing.assert_allclose(scores_of(one_row, rows), right, rtol=1e-3, atol=1e-5)
