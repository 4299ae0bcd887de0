"""What a compiled bundle's baseline holds beside its streams."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from compiler.errors import SampleError
from compiler.frames import FrameFeatures, windows
from compiler.pipeline import CompiledBundle, compile_model
from device_contract import bundle
from device_contract.baseline import Baseline, decode_baseline
from tests.compiler.conftest import FEATURES, Command


def baseline_of(compiled: CompiledBundle) -> Baseline:
    return decode_baseline(bundle.read(compiled.data).files["baseline.msgpack"])


@pytest.fixture
def labelled(rows: NDArray[np.float32], state: NDArray[np.str_], tmp_path: Path) -> Path:
    path = tmp_path / "labelled.csv"
    lines = [",".join((*map(repr, row), label)) for row, label in zip(rows.tolist(), state, strict=True)]
    path.write_text("\n".join([",".join((*FEATURES, "state")), *lines]))
    return path


def test_labels_tell_how_often_the_model_was_right(
    forest: Any, labelled: Path, rows: NDArray[np.float32], state: NDArray[np.str_]
) -> None:
    score = baseline_of(compile_model(forest, labelled, name="pump", version="1", labels="state")).score
    assert score is not None
    right = (forest.predict(rows.astype(float)) == state).sum()
    assert (score.kind, sum(score.labelled), sum(score.positive)) == ("confidence", len(rows), right)
    unlabelled = baseline_of(compile_model(forest, rows, name="pump", version="1")).score
    assert unlabelled is not None
    assert (unlabelled.counts, unlabelled.labelled) == (score.counts, ())


def test_labels_need_no_quantization_and_are_checked(
    model_file: Path, labelled: Path, command: Command, tmp_path: Path
) -> None:
    given = ("--sample", labelled, "--name", "pump", "--version", "1", "--out", tmp_path, "--labels")
    code, _, errors = command("compile", model_file, *given, "state")
    assert (code, "holds no numbers" in errors) == (4, True)  # as a regression's labels should be
    code, _, errors = command("compile", model_file, *given, "mood")
    assert (code, "no column 'mood'" in errors) == (4, True)


def test_labels_of_a_stream_are_refused(tmp_path: Path) -> None:
    signal = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    frames = windows(signal, 30, 30)
    model = make_pipeline(FrameFeatures("ab", sample_rate_hz=50, length=30, hop=30), LogisticRegression())
    model.fit(frames, np.arange(len(frames)) % 2)
    path = tmp_path / "stream.npz"
    np.savez(path, a=signal[:, 0], b=signal[:, 1], state=np.zeros(300))
    with pytest.raises(SampleError, match="are of a stream"):
        compile_model(model, path, name="pump", version="1", labels="state")


def test_an_explained_plan_tells_what_each_feature_contributes(linear: Any, rows: NDArray[np.float32]) -> None:
    explained = baseline_of(compile_model(linear, rows, name="pump", version="1", explain=True))
    slopes = linear[-1].coef_ / linear[0].scale_
    expected = np.abs(slopes * (rows - rows.mean(axis=0, dtype=float))).mean(axis=0)
    assert explained.attributions == pytest.approx(expected, rel=1e-5)
    assert baseline_of(compile_model(linear, rows, name="pump", version="1")).attributions == ()


def test_the_season_is_the_schemas(linear: Any, rows: NDArray[np.float32], tmp_path: Path) -> None:
    schema = tmp_path / "schema.toml"
    schema.write_text("season_s = 604800\n")
    weekly = compile_model(linear, rows, name="pump", version="1", schema=schema)
    assert baseline_of(weekly).season_ms == 604_800_000
    assert baseline_of(compile_model(linear, rows, name="pump", version="1")).season_ms == 86_400_000
    schema.write_text("season_s = 0\n")
    with pytest.raises(SampleError, match="season_s"):
        compile_model(linear, rows, name="pump", version="1", schema=schema)
