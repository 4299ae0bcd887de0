"""Quantized plans: what they keep, what the report says of them, and what is refused."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from compiler.accuracy import measure_accuracy
from compiler.backends.plan import emit
from compiler.compile_report import CompileReport, decode_report
from compiler.frontends.model_object import source_of
from compiler.ir.lowering import lower_estimator
from compiler.ir.nodes import Graph
from compiler.ir.ordering import order
from compiler.ir.quantized import QuantizedLinear, quantize_dense, with_weights
from compiler.ir.quantized_trees import QuantizedTrees, quantize_trees, with_thresholds
from compiler.pipeline import compile_model
from compiler.quantization import Quantization
from device_contract.bundle import open_file
from device_contract.plan.scorer import PlanScorer
from tests.compiler.conftest import FEATURES

Command = Callable[..., tuple[int, str, str]]
Compile = Callable[..., tuple[int, str, str, CompileReport]]
PAGE = Path("docs/formats/compile-report.md").read_text()


@pytest.fixture(scope="session")
def perceptron(rows: NDArray[np.float32], state: NDArray[np.str_]) -> Any:
    return make_pipeline(StandardScaler(), MLPClassifier((32, 3), tol=1.0, n_iter_no_change=30, random_state=0)).fit(
        rows, state
    )


@pytest.fixture(scope="session")
def labelled(
    tmp_path_factory: pytest.TempPathFactory,
    rows: NDArray[np.float32],
    state: NDArray[np.str_],
    power: NDArray[np.float64],
) -> Path:
    """The rows with their class and their number."""
    path = tmp_path_factory.mktemp("labelled") / "sample.csv"
    cells = ([*map(float, row), str(label), float(value)] for row, label, value in zip(rows, state, power, strict=True))
    lines = [",".join((*FEATURES, "state", "power")), *(",".join(map(str, line)) for line in cells)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def compile_labelled(tmp_path: Path, labelled: Path, command: Command) -> Compile:
    """Compile a model with the labelled sample; returns exit code, output, errors and the report."""

    def run(model: Any, *options: object) -> tuple[int, str, str, CompileReport]:
        if not (tmp_path / "model.skops").exists():  # the same model again would be another file
            skops.io.dump(model, tmp_path / "model.skops")
        (tmp_path / "schema.toml").write_text("".join(f'[[feature]]\nname = "{name}"\n' for name in FEATURES))
        fixed = [
            "--schema",
            tmp_path / "schema.toml",
            "--sample",
            labelled,
            "--name",
            "pump",
            "--version",
            "1",
            "--out",
            tmp_path,
        ]
        done = command("compile", tmp_path / "model.skops", *fixed, "--report", tmp_path / "report.json", *options)
        report = tmp_path / "report.json"
        return *done, decode_report(report.read_bytes() if report.exists() else _NO_REPORT)

    return run


_NO_REPORT = b'{"report_version": 1, "compiler": "", "model": "", "version": "", "exit_code": 2, "seconds": 0}'


def scores(graph: Graph, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    plan = PlanScorer(emit(graph))
    out = np.empty((len(rows), plan.n_outputs))
    plan.score_batch(rows, len(rows), out)
    return out


def of_rows(rows: NDArray[np.float32]) -> Callable[[object], NDArray[np.float64]]:
    return lambda _: rows.astype(np.float64)


@pytest.mark.parametrize("weights", ["int8", "float16"])
def test_dense_layers_agree_with_their_rounded_weights(
    perceptron: Any, rows: NDArray[np.float32], weights: Any
) -> None:
    trained = lower_estimator(perceptron)
    quantized = quantize_dense(trained, weights)
    np.testing.assert_allclose(scores(quantized, rows), scores(with_weights(quantized), rows), atol=1e-6)
    assert len(emit(quantized)) < len(emit(trained))


def test_codes_are_at_most_half_a_step_off(rows: NDArray[np.float32], power: NDArray[np.float64]) -> None:
    model = MLPRegressor(hidden_layer_sizes=(20,), tol=1e9, random_state=0).fit(rows, power)
    nodes = [step.node for step in order(quantize_dense(lower_estimator(model), "int8"))]
    found = [node for node in nodes if isinstance(node, QuantizedLinear)]
    for node, weights in zip(found, model.coefs_, strict=True):
        step = np.abs(weights).max(axis=0) / 127
        assert (np.abs(node.as_linear().weights - weights.T) <= step[:, None] * 0.5001).all()


def test_every_row_of_the_sample_goes_the_same_way(rows: NDArray[np.float32], state: NDArray[np.str_]) -> None:
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(rows, state)
    trained = lower_estimator(model)
    quantized = quantize_trees(trained, of_rows(rows))
    np.testing.assert_allclose(scores(quantized, rows), scores(trained, rows), atol=1e-7)
    elsewhere = np.random.default_rng(1).normal(size=(500, 4)).astype(np.float32)
    elsewhere[::7, 1] = np.nan
    np.testing.assert_array_equal(scores(quantized, elsewhere), scores(with_thresholds(quantized), elsewhere))
    assert len(emit(quantized)) < 0.75 * len(emit(trained))


def test_features_of_many_thresholds_keep_as_many_as_a_byte_counts() -> None:
    numbers = np.random.default_rng(2)
    rows = numbers.normal(size=(1500, 1)).astype(np.float32)
    model = RandomForestRegressor(3, random_state=0, n_jobs=1).fit(rows, np.sin(5 * rows[:, 0]))
    quantized = quantize_trees(lower_estimator(model), of_rows(rows))
    (node,) = (step.node for step in order(quantized) if isinstance(step.node, QuantizedTrees))
    assert len(node.thresholds[0]) == 254
    np.testing.assert_array_equal(scores(quantized, rows), scores(with_thresholds(quantized), rows))
    assert np.square(scores(quantized, rows)[:, 0] - model.predict(rows)).mean() < 0.01


def test_trees_over_computed_numbers_are_quantized_too(
    rows: NDArray[np.float32], power: NDArray[np.float64], tmp_path: Path
) -> None:
    model = make_pipeline(MinMaxScaler(clip=True), RandomForestRegressor(5, max_depth=5, random_state=0, n_jobs=1))
    labels = model.fit(rows, power).predict(rows)
    sample = tmp_path / "sample.npz"
    np.savez(sample, **dict(zip(FEATURES, rows.T, strict=True)), power=labels + 1.0)
    wanted = Quantization("thresholds")
    compiled = compile_model(model, sample, name="pump", version="1", labels="power", quantization=wanted)
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan"]


@pytest.mark.parametrize("method", ["int8", "float16"])
def test_a_network_becomes_a_smaller_bundle(
    perceptron: Any, method: str, compile_labelled: Compile, command: Command, tmp_path: Path
) -> None:
    exit_code, output, errors, report = compile_labelled(perceptron, "--quantize", method, "--labels", "state")
    assert (exit_code, errors) == (0, "")
    assert f"quantized to {method}" in output
    figures = next(check.figures for check in report.checks if check.name == "quantize")
    assert figures["bytes_after"] < figures["bytes_before"]  # type: ignore[operator]
    assert {name for name in figures if not name.startswith("max_")} <= set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    bundle = tmp_path / "pump-1-portable.bundle"
    manifest = open_file(bundle).manifest
    assert manifest.lineage.parameters["quantized"] == method
    assert [artifact.kind for artifact in manifest.artifacts] == ["plan"]
    assert command("verify", bundle)[0] == 0


def test_a_forest_becomes_a_smaller_bundle(forest: Any, compile_labelled: Compile) -> None:
    exit_code, _, errors, report = compile_labelled(forest, "--quantize", "thresholds", "--labels", "state")
    assert (exit_code, errors) == (0, "")
    (variant,) = report.variants
    proved = next(check.figures for check in variant.checks if check.name == "plan.parity")
    assert proved["edge_rows"]
    assert proved["wrong_edge_rows"] == 0


def test_nothing_is_built_twice_but_what_is_quantized_otherwise(perceptron: Any, compile_labelled: Compile) -> None:
    first = ("--quantize", "int8", "--labels", "state")
    runs = [first, first, ("--quantize", "float16", "--labels", "state"), (*first, "--accuracy-loss", "0.5")]
    reports = [compile_labelled(perceptron, *options)[3] for options in runs]
    assert [report.variants[0].status for report in reports] == ["built", "up to date", "built", "built"]


def test_a_model_that_becomes_worse_is_refused(
    rows: NDArray[np.float32], power: NDArray[np.float64], tmp_path: Path, command: Command
) -> None:
    """Against its own predictions, any error is infinitely worse than none."""
    model = MLPRegressor(hidden_layer_sizes=(20,), tol=1e9, random_state=0).fit(rows, power)
    skops.io.dump(model, tmp_path / "model.skops")
    np.savez(
        tmp_path / "sample.npz", **dict(zip(FEATURES, rows.T, strict=True)), power=source_of(model).score(rows)[:, 0]
    )
    exit_code, output, errors = command(
        *("compile", tmp_path / "model.skops", "--sample", tmp_path / "sample.npz", "--name", "pump", "--version", "1"),
        *("--out", tmp_path, "--quantize", "int8", "--labels", "power"),
    )
    assert exit_code == 5
    assert "rmse goes from" in errors
    assert "quantized to int8" in output
    assert not list(tmp_path.glob("*.bundle"))


@pytest.mark.parametrize(
    ("options", "exit_code", "said"),
    [
        (("--accuracy-loss", "0.1"), 2, "it needs --quantize"),
        (("--quantize", "int8"), 2, "give --labels"),
        (("--quantize", "int8", "--labels", "state", "--explain"), 2, "explains no scores"),
        (("--quantize", "int8", "--labels", "mood"), 4, "no column 'mood'"),
        (("--quantize", "int8", "--labels", "power"), 4, "labels that the model does not know"),
        (("--quantize", "thresholds", "--labels", "state"), 3, "no trees"),
        (("--quantize", "int8", "--labels", "state", "--kind", "onnx"), 3, "a plan only"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    perceptron: Any, compile_labelled: Compile, options: tuple[str, ...], exit_code: int, said: str
) -> None:
    code, _, errors, _ = compile_labelled(perceptron, *options)
    assert (code, said in errors) == (exit_code, True), errors


def test_labels_of_text_are_none_of_a_regression(linear: Any, compile_labelled: Compile) -> None:
    code, _, errors, _ = compile_labelled(linear, "--quantize", "int8", "--labels", "state")
    assert (code, "holds no numbers" in errors) == (4, True)


def test_accuracy_is_what_scikit_learn_calls_so(
    forest: Any, rows: NDArray[np.float32], state: NDArray[np.str_]
) -> None:
    probabilities = np.clip(forest.predict_proba(rows), 1e-6, 1)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = np.searchsorted(forest.classes_, state).astype(float)
    assert measure_accuracy(source_of(forest).signature, labels, probabilities) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, probabilities.argmax(axis=1)),
            "log_loss": metrics.log_loss(labels, probabilities),
        }
    )


def test_errors_are_what_scikit_learn_calls_so(
    linear: Any, rows: NDArray[np.float32], power: NDArray[np.float64]
) -> None:
    predicted = linear.predict(rows)
    assert measure_accuracy(source_of(linear).signature, power, predicted[:, None]) == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(power, predicted),
            "mae": metrics.mean_absolute_error(power, predicted),
            "r2": metrics.r2_score(power, predicted),
        }
    )
