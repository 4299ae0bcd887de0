"""torch's modules and exported programs: bundles whose plan gives what torch gives."""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from compiler import CompiledBundle, compile_model
from compiler.errors import CompilerError, ModelError
from compiler.frontends.model_file import read_model
from device_contract import bundle
from device_contract.plan.scorer import PlanScorer

CHANNELS, LENGTH = 3, 32
STEPS = 8
"""Of the recurrent networks: torch.export writes each one out."""


class Recurrent(nn.Module):
    """The last state of a recurrent network over (steps, channels), made into scores."""

    row_shape = (STEPS, CHANNELS)

    def __init__(self, network: nn.Module, hidden: int) -> None:
        super().__init__()
        self.network = network
        self.dense = nn.Linear(hidden, 2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        states, _ = self.network(rows)
        scores: torch.Tensor = self.dense(states[:, -1])
        return scores


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(CHANNELS, 6, 5, padding=2),
        nn.BatchNorm1d(6),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(6, 8, 3, stride=2, groups=2),
        nn.ELU(),
        nn.AvgPool1d(2),
        nn.Conv1d(8, 5, 2, dilation=2),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(5, 3),
        nn.Softmax(dim=1),
    )


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(7, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 1))


def gru() -> nn.Module:
    return Recurrent(nn.GRU(CHANNELS, 9, batch_first=True, bidirectional=True), 18)


def lstm() -> nn.Module:
    return Recurrent(nn.LSTM(CHANNELS, 9, num_layers=2, batch_first=True), 9)


MODELS = {
    "convolutional": (convolutional, (CHANNELS, LENGTH)),
    "perceptron": (perceptron, (7,)),
    "gru": (gru, (STEPS, CHANNELS)),
    "lstm": (lstm, (STEPS, CHANNELS)),
}


def made(name: str) -> tuple[nn.Module, NDArray[np.float32]]:
    """Return a module and rows for it, flat."""
    make, shape = MODELS[name]
    torch.manual_seed(0)
    module = make()
    module(torch.randn(64, *shape))  # batch norm learns what is usual
    module.row_shape = shape  # type: ignore[assignment]
    rows = np.random.default_rng(0).normal(size=(50, int(np.prod(shape)))).astype(np.float32)
    return module.eval(), rows


def program(module: Any) -> Any:
    rows = torch.zeros(2, *module.row_shape)
    with warnings.catch_warnings():  # recurrent modules lay their weights out anew
        warnings.simplefilter("ignore")
        return torch.export.export(module, (rows,), dynamic_shapes=({0: torch.export.Dim("n_rows")},))


@cache
def compiled_module(name: str) -> CompiledBundle:
    module, rows = made(name)
    return compile_model(module, rows, name="pump", version="1")


def by_plan(data: bytes, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    scorer = PlanScorer(bundle.read(data).files["model.plan"])
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(rows, len(rows), scores)
    return scores


@pytest.mark.parametrize("name", MODELS)
def test_a_module_becomes_a_bundle_that_scores_as_it_does(name: str) -> None:
    module, rows = made(name)
    compiled = compiled_module(name)
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan", "onnx"]
    with torch.inference_mode():
        right = module(torch.from_numpy(rows).reshape(len(rows), *MODELS[name][1])).numpy()
    np.testing.assert_allclose(by_plan(compiled.data, rows), right, rtol=1e-4, atol=1e-6)
    assert compiled.manifest.labels == ((0, 1, 2) if name == "convolutional" else ())


@pytest.mark.parametrize("name", ["convolutional", "gru"])
def test_an_exported_program_gives_the_same_plan_as_its_module(name: str, tmp_path: Path) -> None:
    module, rows = made(name)
    path = tmp_path / "model.pt2"
    torch.export.save(program(module), path)
    compiled = compile_model(path, rows, name="pump", version="1", trust_pickle=True)
    assert by_plan(compiled.data, rows).tobytes() == by_plan(compiled_module(name).data, rows).tobytes()


def test_a_pickled_module_is_loaded_on_trust_only(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(perceptron(), path)
    with pytest.raises(ModelError, match="--trust-pickle"):
        read_model(path)
    assert read_model(path, trust_pickle=True).signature.n_features == 7


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(perceptron().state_dict(), path)
    with pytest.raises(ModelError, match=r"holds a OrderedDict, not a module"):
        read_model(path, trust_pickle=True)


def test_a_file_that_is_none_of_torch_is_refused(tmp_path: Path) -> None:
    for suffix in (".pt", ".pt2"):
        path = tmp_path / f"model{suffix}"
        path.write_bytes(b"nothing")
        with pytest.raises(ModelError, match="torch does not load it"):
            read_model(path, trust_pickle=True)


def test_a_module_has_to_tell_the_shape_of_a_row() -> None:
    with pytest.raises(CompilerError, match="row_shape"):
        compile_model(convolutional(), np.zeros((10, 96), np.float32), name="pump", version="1")


def test_an_operator_without_a_plan_is_named_and_the_bundle_carries_onnx() -> None:
    class Sorted(nn.Module):
        row_shape = (5,)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows.sort(dim=1).values

    rows = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    compiled = compile_model(Sorted(), rows, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["onnx"]
    assert "TopK" in " ".join(compiled.notes)
