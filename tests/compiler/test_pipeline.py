import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import SVC, NuSVC

from compiler import compile_model
from compiler.errors import CompilerError, ModelError, ParityError, SampleError, UnsupportedModelError
from compiler.verification import verify_contents
from device_contract import bundle
from device_contract.baseline import decode_baseline
from device_contract.errors import ProfileError
from device_contract.selftest import decode_self_test


@pytest.mark.parametrize("name", ["linear", "logistic", "forest", "boosted"])
def test_a_model_becomes_a_sound_bundle_with_both_artifacts(
    name: str, request: pytest.FixtureRequest, rows: NDArray[np.float32]
) -> None:
    compiled = compile_model(request.getfixturevalue(name), rows, name="pump", version="1")
    opened = bundle.read(compiled.data)
    assert opened.sha256 == compiled.sha256
    assert [artifact.kind for artifact in opened.manifest.artifacts] == ["plan", "onnx"]
    assert [result.rows for result in verify_contents(opened)] == [32, 32]
    assert compiled.notes == ()


def test_the_manifest_tells_what_the_model_takes_and_gives(logistic: Any, rows: NDArray[np.float32]) -> None:
    manifest = compile_model(logistic, rows, name="pump", version="1.0", kind="onnx").manifest
    assert (manifest.task, manifest.labels) == ("classification", ("high", "low", "over"))
    assert [output.name for output in manifest.outputs] == ["probability.high", "probability.low", "probability.over"]
    assert [feature.name for feature in manifest.features] == [f"feature.{index}" for index in range(4)]
    (artifact,) = manifest.artifacts
    assert (artifact.onnx_input, artifact.onnx_output) == ("row", "probabilities")
    assert manifest.lineage.packages.keys() >= {"leeway-fleet", "numpy", "onnxruntime", "python", "scikit-learn"}


def test_the_baseline_and_the_self_test_are_of_the_sample(linear: Any, rows: NDArray[np.float32]) -> None:
    opened = bundle.read(compile_model(linear, rows, name="pump", version="1", kind="plan").data)
    streams = decode_baseline(opened.files[opened.manifest.baseline.path]).streams
    assert [stream.role for stream in streams] == ["feature"] * 4 + ["output"]
    assert streams[0].mean == pytest.approx(rows[:, 0].mean(), abs=1e-6)
    vectors = decode_self_test(opened.files[opened.manifest.self_test.file.path])
    assert vectors.rows()[0].tolist() == rows[0].tolist()


def test_sbom_and_provenance_are_what_auditors_read(linear: Any, rows: NDArray[np.float32]) -> None:
    environment = {"CI_COMMIT_SHA": "abc123", "LEEWAY_ANSWERS": "1700-ab"}
    compiled = compile_model(linear, rows, name="pump", version="1", kind="onnx", environment=environment)
    opened = bundle.read(compiled.data)
    sbom = json.loads(bytes(opened.files[opened.manifest.sbom.path]))
    assert (sbom["bomFormat"], sbom["specVersion"]) == ("CycloneDX", "1.6")
    assert "pkg:pypi/numpy@" + np.__version__ in [component["purl"] for component in sbom["components"]]
    statement = json.loads(bytes(opened.files[opened.manifest.provenance.path]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    digests = {subject["name"]: subject["digest"]["sha256"] for subject in statement["subject"]}
    assert digests["model.onnx"] == opened.manifest.artifacts[0].file.sha256
    dependencies = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"name": "code", "digest": {"gitCommit": "abc123"}} in dependencies
    assert opened.manifest.lineage.code_revision == "abc123"
    assert opened.manifest.lineage.parameters["answers"] == "1700-ab"


COMPILE = """
import sys
from compiler import compile_model
print(compile_model(sys.argv[1], sys.argv[2], name="pump", version="1").sha256)
"""


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes_from_another_folder_process_and_thread_count(
    tmp_path: Path, model_file: Path, sample_file: Path
) -> None:
    digests = set()
    for seed, threads in (("1", "1"), ("2", "2"), ("3", "4")):
        folder = tmp_path / seed
        folder.mkdir()
        model, sample = shutil.copy(model_file, folder), shutil.copy(sample_file, folder)
        os.utime(model, (0, 0))
        root = Path(__file__).resolve().parent.parent.parent
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "PYTHONPATH": str(root)}
        environment |= {"TZ": f"UTC+{seed}", "HOME": str(folder)}
        command = [sys.executable, "-c", COMPILE, str(model), str(sample)]
        done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_nothing_of_this_machine_is_in_a_bundle(model_file: Path, sample_file: Path) -> None:
    data = compile_model(model_file, sample_file, name="pump", version="1").data
    assert str(model_file.parent).encode() not in data
    assert os.getcwd().encode() not in data  # noqa: PTH109  (as text)


def running_sums(path: Path) -> Path:
    """Write an ONNX model of an operator that no plan expresses."""
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 4]) for name in ("rows", "sums")}
    axis = numpy_helper.from_array(np.array(1, np.int64), "axis")
    node = helper.make_node("CumSum", ["rows", "axis"], ["sums"])
    graph = helper.make_graph([node], "running sums", [values["rows"]], [values["sums"]], [axis])
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_without_a_kind_a_missing_plan_is_told_and_left_out(tmp_path: Path, rows: NDArray[np.float32]) -> None:
    model = running_sums(tmp_path / "sums.onnx")
    compiled = compile_model(model, rows, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["onnx"]
    (note,) = compiled.notes
    assert note.startswith("no plan for this model: ")
    for kind in ("plan", "both"):
        with pytest.raises(UnsupportedModelError, match="no plan for this model: "):
            compile_model(model, rows, name="pump", version="1", kind=kind)  # type: ignore[arg-type]


def test_without_a_kind_onnx_that_is_wrong_is_told_and_left_out(rows: NDArray[np.float32]) -> None:
    model = LinearDiscriminantAnalysis().fit(rows, rows[:, 0] > 0)  # which skl2onnx 1.20 gets wrong for two classes
    compiled = compile_model(model, rows, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan"]
    (note,) = compiled.notes
    assert note.startswith("no onnx for this model: the onnx disagrees with the model on ")
    for kind in ("onnx", "both"):
        with pytest.raises(ParityError, match="the onnx disagrees"):
            compile_model(model, rows, name="pump", version="1", kind=kind)  # type: ignore[arg-type]


def test_without_a_kind_onnx_that_does_not_run_is_told_and_left_out(rows: NDArray[np.float32]) -> None:
    model = RadiusNeighborsClassifier(4.0, outlier_label="most_frequent").fit(rows + 99, rows[:, 0] > 0)
    compiled = compile_model(model, rows + 99, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan"]
    assert "does not convert to ONNX: onnxruntime does not run the model" in compiled.notes[0]


@pytest.mark.parametrize("make", [SVC, NuSVC, RidgeClassifier])
def test_two_classes_without_probabilities_have_both_artifacts(make: Any, rows: NDArray[np.float32]) -> None:
    compiled = compile_model(make().fit(rows, rows[:, 0] > 0), rows, name="pump", version="1")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan", "onnx"]


def test_a_profile_allows_its_own_kinds_only(linear: Any, rows: NDArray[np.float32]) -> None:
    compiled = compile_model(linear, rows, name="pump", version="1", profile="cortex-m4")
    assert [artifact.kind for artifact in compiled.manifest.artifacts] == ["plan"]
    assert compiled.manifest.profile == "cortex-m4"
    assert compiled.file_name == "pump-1-cortex-m4.bundle"
    assert [footprint.kind for footprint in compiled.footprints] == ["plan"]


def test_an_onnx_file_is_compiled_too(tmp_path: Path, logistic: Any, rows: NDArray[np.float32]) -> None:
    opened = bundle.read(compile_model(logistic, rows, name="pump", version="1", kind="onnx").data)
    path = tmp_path / "model.onnx"
    path.write_bytes(opened.files["model.onnx"])
    compiled = compile_model(path, rows, name="pump", version="1", kind="onnx")
    assert compiled.manifest.lineage.model_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert bytes(bundle.read(compiled.data).files["model.onnx"]) == path.read_bytes()


def test_rows_that_the_model_refuses_are_told_and_left_out(linear: Any, rows: NDArray[np.float32]) -> None:
    sample = rows.copy()
    sample[5, 1], sample[9, 2] = np.nan, np.inf
    compiled = compile_model(linear, sample, name="pump", version="1", kind="onnx")
    assert compiled.notes == ("2 rows hold missing or infinite values, which the model does not take",)
    assert compiled.parity[0].rows == len(rows) - 2
    each_row = np.where(np.arange(4) == np.arange(len(rows))[:, np.newaxis] % 4, np.nan, rows)
    with pytest.raises(SampleError, match="every row of the sample holds"):
        compile_model(linear, each_row, name="pump", version="1")


def test_rows_that_the_model_takes_are_proved_with_their_missing_values(
    boosted: Any, rows: NDArray[np.float32]
) -> None:
    sample = np.where(np.random.default_rng(1).random(rows.shape) < 0.1, np.nan, rows)
    compiled = compile_model(boosted, sample, name="pump", version="1")
    assert compiled.notes == ()
    assert {result.rows for result in compiled.parity} == {len(rows)}


@pytest.mark.parametrize(
    ("name", "version"), [("Pump", "1"), ("pump", "1/2"), ("", "1"), ("pump", "../1"), ("p\n", "1")]
)
def test_names_that_are_no_names_are_refused(linear: Any, rows: NDArray[np.float32], name: str, version: str) -> None:
    with pytest.raises(CompilerError, match="use at most 64 of"):
        compile_model(linear, rows, name=name, version=version)


def test_an_unknown_profile_is_refused(linear: Any, rows: NDArray[np.float32]) -> None:
    with pytest.raises(ProfileError, match="there are:"):
        compile_model(linear, rows, name="pump", version="1", profile="toaster")


@pytest.mark.parametrize("sample", [np.zeros(4), np.zeros((2, 4), dtype=complex), np.array([["a"] * 4])])
def test_an_array_that_is_no_sample_is_refused(linear: Any, sample: NDArray[Any]) -> None:
    with pytest.raises(SampleError, match="expected numbers"):
        compile_model(linear, sample, name="pump", version="1")


def test_a_list_is_no_sample(linear: Any, rows: NDArray[np.float32]) -> None:
    with pytest.raises(SampleError, match="the sample is a list; give a path, or an array"):
        compile_model(linear, rows.tolist(), name="pump", version="1")


def test_a_model_that_gives_no_number_is_refused(tmp_path: Path, rows: NDArray[np.float32]) -> None:
    graph = helper.make_graph(
        [helper.make_node("Log", ["row"], ["score"])],
        "g",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ModelError, match="NaN or infinities for every row"):
        compile_model(tmp_path / "model.onnx", -abs(rows) - 1, name="pump", version="1")


def test_a_model_that_takes_too_many_features_is_refused_before_its_sample_is_read() -> None:
    wide = np.zeros((2, 65_536), np.float32)
    with pytest.raises(ModelError, match="takes 65536 features, a bundle has at most 65535"):
        compile_model(DummyRegressor().fit(wide, [1.0, 2.0]), "no such file.csv", name="pump", version="1")


def test_a_model_that_gives_too_many_numbers_is_refused(tmp_path: Path, rows: NDArray[np.float32]) -> None:
    wide = np.repeat(rows, 25, axis=1)
    with pytest.raises(ModelError, match="gives 5151 numbers for a row, a bundle has 1 to 4096 outputs"):
        compile_model(PolynomialFeatures(2).fit(wide), wide, name="pump", version="1")
    with pytest.raises(ModelError, match="gives 0 numbers for a row"):
        compile_model(ColumnTransformer([("none", "drop", [0])]).fit(rows), rows, name="pump", version="1")
    constants = [
        numpy_helper.from_array(np.array([place]), name) for name, place in (("from", 0), ("to", 0), ("axis", 1))
    ]
    graph = helper.make_graph(
        [helper.make_node("Slice", ["row", "from", "to", "axis"], ["score"])],
        "g",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 0])],
        constants,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    with pytest.raises(ModelError, match="gives 0 numbers for a row"):
        compile_model(tmp_path / "model.onnx", rows, name="pump", version="1")


def test_a_label_too_long_to_name_an_output_is_refused(rows: NDArray[np.float32]) -> None:
    model = LogisticRegression().fit(rows, np.where(rows[:, 0] > 0, "x" * 120, "y"))
    with pytest.raises(SampleError, match=r"the label 'x+'\.\.\. is too long to name an output"):
        compile_model(model, rows, name="pump", version="1")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, linear: Any, rows: NDArray[np.float32]) -> None:
    compiled = compile_model(linear, rows, name="pump", version="1", kind="onnx")
    path = compiled.write(tmp_path / "new" / "folder")
    assert path.name == "pump-1-portable.bundle"
    assert path.read_bytes() == compiled.data
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_something_that_is_no_model_is_refused(rows: NDArray[np.float32]) -> None:
    with pytest.raises(ModelError, match="not a scikit-learn estimator"):
        compile_model({"weights": 1}, rows, name="pump", version="1")
