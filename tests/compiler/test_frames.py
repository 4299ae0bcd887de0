"""Frames in the compiler: the transformer, and models behind it."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from compiler.errors import ModelError, SampleError
from compiler.frames import FrameFeatures, windows
from compiler.frontends.model_file import read_model
from compiler.frontends.model_object import source_of
from compiler.pipeline import CompiledBundle, compile_model
from device_contract import bundle as bundles
from device_contract.frames import Channel, Frame, Framer
from device_contract.selftest import decode_self_test

LENGTH, HOP = 50, 20
Stream = NDArray[np.float32]


def features(**changes: Any) -> FrameFeatures:
    known: dict[str, Any] = {"sample_rate_hz": 100.0, "length": LENGTH, "hop": HOP, "bands": [(5, 15), (20, 50)]}
    return FrameFeatures(**{"channels": ("vibration", "current"), **known, **changes})


@pytest.fixture(scope="module")
def stream() -> Stream:
    """Two channels, (3000, 2): an oscillation that comes and goes, and noise."""
    time_s = np.arange(3000) / 100.0
    noise = np.random.default_rng(5).normal(size=(3000, 2))
    noise[:, 0] += 2.0 * np.sin(2 * np.pi * 10.0 * time_s) * is_faulty()
    return noise.astype(np.float32)


def is_faulty() -> NDArray[np.bool_]:
    """Tell the samples in which it oscillates."""
    return np.asarray(np.arange(3000) // 500 % 2 == 1)


@pytest.fixture(scope="module")
def model(stream: Stream) -> Pipeline:
    frames = windows(stream, LENGTH, HOP)
    labels = is_faulty()[LENGTH - 1 :: HOP]
    return make_pipeline(features(), StandardScaler(), LogisticRegression()).fit(frames, labels)


@pytest.fixture(scope="module")
def bundle(model: Pipeline, stream: Stream) -> CompiledBundle:
    return compile_model(model, stream, name="pump", version="1", kind="plan")


def test_windows_are_cut_channel_by_channel() -> None:
    stream = np.arange(14).reshape(7, 2)
    np.testing.assert_array_equal(windows(stream, 3, 2)[1], [4, 6, 8, 5, 7, 9])
    assert windows(stream, 3, 2).shape == (3, 6)
    assert windows(stream, 3).shape == (2, 6)
    assert windows(stream, 8).shape == (0, 16)


@pytest.mark.parametrize(("shape", "length", "hop"), [((7,), 3, 1), ((7, 2), 0, 1), ((7, 2), 3, 0)])
def test_windows_of_what_is_no_stream_are_refused(shape: tuple[int, ...], length: int, hop: int) -> None:
    with pytest.raises(ValueError, match="windows: a stream is"):
        windows(np.zeros(shape), length, hop)


def test_what_is_trained_on_is_what_a_device_computes(stream: Stream) -> None:
    trained = features().fit_transform(windows(stream, LENGTH, HOP))
    framer = Framer(features().frame())
    live = [np.array(framer.row) for sample in stream if framer.push(sample)]
    np.testing.assert_array_equal(trained, np.array(live, dtype=np.float64))


def test_the_transformer_is_a_scikit_learn_transformer(stream: Stream) -> None:
    frames = windows(stream, LENGTH, HOP)
    fitted = clone(features(features=["rms", "mean"], bands=())).fit(frames)
    assert fitted.get_feature_names_out().tolist() == ["vibration.mean", "vibration.rms", "current.mean", "current.rms"]
    assert fitted.transform(frames).shape == (len(frames), 4)
    assert "hop=20" in repr(fitted)
    assert fitted.__sklearn_tags__().input_tags.allow_nan
    restored = pickle.loads(pickle.dumps(features().fit(frames)))  # noqa: S301  (our own bytes)
    np.testing.assert_array_equal(restored.transform(frames), features().fit(frames).transform(frames))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 1}, "length"),
        ({"length": 2.5}, "cannot be interpreted as an integer"),
        ({"length": 1 << 20}, "length"),
        ({"hop": 0}, "hop"),
        ({"sample_rate_hz": 0}, "sample_rate_hz"),
        ({"sample_rate_hz": float("nan")}, "sample_rate_hz"),
        ({"sample_rate_hz": 5e-324}, "sample_rate_hz"),
        ({"sample_rate_hz": 10**400}, "too large"),
        ({"channels": ()}, "channels"),
        ({"channels": ("a", "a")}, "channel named twice: 'a'"),
        ({"channels": [f"c{n}" for n in range(256)], "length": 1 << 16}, "limit 1048576"),
        ({"features": ("mean", "median")}, "median"),
        ({"features": ("mean", "mean")}, "each once"),
        ({"features": (), "bands": ()}, "neither features nor bands"),
        ({"bands": [(10, 60)]}, "half the sample rate, 50 Hz"),
        ({"bands": [(20, 10)]}, "must rise"),
        ({"bands": [(10.5, 11.5)]}, "2 Hz apart"),
        ({"bands": [(10, 20), (10, 20)]}, "band named twice"),
        ({"bands": [(float("nan"), 20)]}, "low_hz"),
        ({"features": ("samples",), "length": 40_000}, "limit 65535"),
    ],
    ids=str,
)
def test_parameters_that_contradict_themselves_are_one_clear_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        features(**changes).fit(np.zeros((2, 100)))
    assert "\n" not in str(caught.value)


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="has 99 numbers; expected 2 channels x 50 samples"):
        features().fit(np.zeros((2, 99)))


def test_a_bundle_holds_the_frame_and_the_model_behind_it(bundle: CompiledBundle, stream: Stream) -> None:
    manifest = bundles.read(bundle.data).manifest
    assert isinstance(manifest.frame, Frame)
    assert (manifest.frame.length, manifest.frame.hop) == (LENGTH, HOP)
    assert manifest.frame.channels[0] == Channel(
        name="vibration", minimum=float(stream[:, 0].min()), maximum=float(stream[:, 0].max())
    )
    assert tuple(feature.name for feature in manifest.features) == manifest.frame.feature_names()
    assert manifest.lineage.parameters["model_type"].startswith("compiler.frames.FrameFeatures > sklearn.")


def test_the_self_test_is_of_features_and_the_pipelines_own_scores(
    bundle: CompiledBundle, model: Pipeline, stream: Stream
) -> None:
    opened = bundles.read(bundle.data)
    vectors = decode_self_test(opened.files[opened.manifest.self_test.file.path])
    frames = windows(stream, LENGTH, HOP)
    rows = model[0].transform(frames).astype(np.float32)
    places = [int(np.flatnonzero((rows == np.array(row)).all(axis=1))[0]) for row in vectors.rows()]
    np.testing.assert_allclose(np.array(vectors.expected()), model.predict_proba(frames)[places], rtol=1e-12)


def test_whole_frames_are_a_sample_too(model: Pipeline, stream: Stream) -> None:
    compiled = compile_model(model, windows(stream, LENGTH, HOP), name="pump", version="1", kind="plan")
    assert compiled.parity[0].rows == len(windows(stream, LENGTH, HOP))


def test_a_stream_may_be_a_table_and_a_schema_describe_its_channels(
    tmp_path: Path, model: Pipeline, stream: Stream
) -> None:
    table, schema = tmp_path / "stream.csv", tmp_path / "schema.toml"
    lines = [f"{number},{current!r},{vibration!r}" for number, (vibration, current) in enumerate(stream.tolist())]
    table.write_text("\n".join(["time,current,vibration", *lines]))
    schema.write_text('[[feature]]\nname = "vibration"\nunit = "g"\nminimum = -16.0\nmaximum = 16.0\n')
    skops.io.dump(model, tmp_path / "model.skops")
    compiled = compile_model(tmp_path / "model.skops", table, name="pump", version="1", schema=schema, kind="plan")
    frame = compiled.manifest.frame
    assert isinstance(frame, Frame)
    assert frame.channels[0] == Channel(name="vibration", unit="g", minimum=-16.0, maximum=16.0)
    units = {feature.name: feature.unit for feature in compiled.manifest.features}
    assert [units[f"vibration.{name}"] for name in ("rms", "kurtosis", "band_5_15_hz")] == ["g", "", "(g)²"]
    assert "columns that are no features of the model: time" in compiled.notes


@pytest.mark.parametrize(
    ("shape", "message"),
    [((49, 2), "has 49 samples, a frame of the model takes 50"), ((100, 3), "takes 2 features, the sample has 3")],
)
def test_a_sample_that_gives_no_frame_is_refused(model: Pipeline, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(SampleError, match=message):
        compile_model(model, np.ones(shape), name="pump", version="1")


def test_a_pipeline_without_a_model_is_refused(stream: Stream) -> None:
    with pytest.raises(ModelError, match="let a model follow"):
        source_of(make_pipeline(features()).fit(windows(stream, LENGTH)))


def test_a_frame_that_was_changed_after_the_fit_is_refused(stream: Stream) -> None:
    frames = windows(stream, LENGTH)
    fitted = make_pipeline(features(), Ridge()).fit(frames, frames[:, 0])
    fitted[0].bands = ()
    with pytest.raises(ModelError, match="takes 24 features, its FrameFeatures gives 20"):
        source_of(fitted)
    fitted[0].length = "long"
    with pytest.raises(ModelError, match="FrameFeatures"):
        source_of(fitted)


def test_a_skops_file_keeps_the_frame(tmp_path: Path, model: Pipeline) -> None:
    skops.io.dump(model, tmp_path / "model.skops")
    frame = read_model(tmp_path / "model.skops").signature.frame
    assert frame == features().frame()
