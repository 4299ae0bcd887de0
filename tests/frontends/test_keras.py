"""Keras models: bundles whose plan gives what Keras gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler import compile_model
from compiler.errors import ModelError
from compiler.frontends.keras_model import KerasModel, keras
from compiler.frontends.model_file import read_model
from device_contract import bundle
from device_contract.plan.scorer import PlanScorer

LENGTH, CHANNELS = 12, 3
layers = keras.layers
SIGNAL = (LENGTH, CHANNELS)
MODELS: dict[str, Any] = {
    "perceptron": lambda: [
        layers.Input((7,)),
        layers.Dense(16, "relu"),
        layers.Dropout(0.5),
        layers.Dense(8, "selu"),
        layers.Dense(1),
    ],
    "convolutional": lambda: [
        layers.Input(SIGNAL),
        layers.Conv1D(6, 3, padding="same", activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling1D(2),
        layers.Conv1D(5, 3, strides=2),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3, "softmax"),
    ],
    "gru": lambda: [layers.Input(SIGNAL), layers.GRU(9), layers.Dense(2)],
    "lstm": lambda: [layers.Input(SIGNAL), layers.LSTM(9, return_sequences=True), layers.LSTM(4), layers.Dense(2)],
}


def made(name: str) -> tuple[Any, NDArray[np.float32]]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(MODELS[name]())
    rows = np.random.default_rng(0).normal(size=(50, int(np.prod(model.input_shape[1:])))).astype(np.float32)
    return model, rows


@pytest.mark.parametrize("name", MODELS)
def test_a_keras_file_becomes_a_bundle_that_scores_as_it_does(name: str, tmp_path: Path) -> None:
    model, rows = made(name)
    path = tmp_path / "model.keras"
    model.save(path)
    compiled = compile_model(path, rows, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan", "onnx"]
    scorer = PlanScorer(bundle.read(compiled.data).files["model.plan"])
    scores = np.empty((len(rows), scorer.n_outputs))
    scorer.score_batch(rows, len(rows), scores)
    right = model.predict(rows.reshape(len(rows), *model.input_shape[1:]), verbose=0)
    np.testing.assert_allclose(scores, right, rtol=1e-4, atol=1e-6)
    assert compiled.manifest.task == ("classification" if name == "convolutional" else "regression")


def test_a_model_in_memory_is_taken_as_it_is() -> None:
    model, rows = made("perceptron")
    assert compile_model(model, rows, name="pump", version="1").manifest.features[-1].name == "feature.6"


def test_a_model_of_open_shape_is_refused() -> None:
    model = keras.Sequential([layers.Input((None, 3)), layers.GRU(4)])
    with pytest.raises(ModelError, match="fixed shape"):
        KerasModel(model)


def test_code_in_a_keras_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    keras.Sequential([layers.Input((3,)), layers.Lambda(lambda rows: rows * 2)]).save(path)
    with pytest.raises(ModelError, match="Keras does not load it"):
        read_model(path)


def test_a_file_that_is_none_of_keras_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="Keras does not load it"):
        read_model(path)
