"""Frames in manifests: the golden one, and those that contradict themselves or exceed a limit."""

import contextlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.canonical import canonical_json
from device_contract.errors import ManifestError
from device_contract.frames import Band, Channel, Frame, Framer
from device_contract.manifest import Feature, Manifest, decode_manifest

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "manifest"
FRAMED = (GOLDEN / "vibration.json").read_bytes()


@pytest.fixture
def framed_manifest() -> Manifest:
    """The golden manifest of a pump, whose model takes frames of vibration and current."""
    frame = Frame(
        sample_rate_hz=1000.0,
        length=250,
        hop=125,
        channels=(Channel(name="vibration", unit="g", minimum=-16.0, maximum=16.0), Channel(name="current")),
        features=("rms", "crest_factor"),
        bands=(Band(low_hz=10.0, high_hz=62.5), Band(low_hz=400.0, high_hz=500.0)),
    )
    described = zip(frame.feature_names(), frame.feature_units(), strict=True)
    features = tuple(Feature(name=name, unit=unit) for name, unit in described)
    return msgspec.structs.replace(decode_manifest((GOLDEN / "pump.json").read_bytes()), frame=frame, features=features)


def changed(**fields: Any) -> bytes:
    """Return the golden manifest with other fields in its frame."""
    document = json.loads(FRAMED)
    return json.dumps({**document, "frame": {**document["frame"], **fields}}).encode()


def channels(count: int) -> list[dict[str, Any]]:
    return [{"name": f"channel.{number}"} for number in range(count)]


def test_the_golden_manifest_is_written_and_read_byte_for_byte(framed_manifest: Manifest) -> None:
    assert canonical_json(framed_manifest) == FRAMED
    assert decode_manifest(FRAMED) == framed_manifest


def test_a_row_is_named_channel_by_channel(framed_manifest: Manifest) -> None:
    assert [feature.name for feature in framed_manifest.features] == [
        "vibration.rms",
        "vibration.crest_factor",
        "vibration.band_10_62.5_hz",
        "vibration.band_400_500_hz",
        "current.rms",
        "current.crest_factor",
        "current.band_10_62.5_hz",
        "current.band_400_500_hz",
    ]
    assert [feature.unit for feature in framed_manifest.features] == ["g", "", "(g)²", "(g)²", "", "", "", ""]


def test_bins_are_those_within_the_band(framed_manifest: Manifest) -> None:
    assert isinstance(framed_manifest.frame, Frame)
    assert framed_manifest.frame.bins() == ((3, 16), (100, 126))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sample_rate_hz": 0}, "sample_rate_hz"),
        ({"sample_rate_hz": 1e-10}, "sample_rate_hz"),
        ({"sample_rate_hz": 1e10}, "sample_rate_hz"),
        ({"sample_rate_hz": None}, "sample_rate_hz"),
        ({"length": 1}, "length"),
        ({"length": 65_537}, "length"),
        ({"length": 100.5}, "length"),
        ({"hop": 0}, "hop"),
        ({"hop": (1 << 24) + 1}, "hop"),
        ({"channels": []}, "channels"),
        ({"channels": channels(257)}, "channels"),
        ({"channels": [{"name": ""}]}, "name"),
        ({"channels": [{"name": "a"}, {"name": "a"}]}, "channel named twice: 'a'"),
        ({"channels": channels(17), "length": 65_536}, "1114112 samples, limit 1048576"),
        ({"features": ["median"]}, "median"),
        ({"features": ["rms", "mean"]}, "in the order"),
        ({"features": ["rms", "rms"]}, "each once"),
        ({"features": [], "bands": []}, "neither features nor bands"),
        ({"features": ["samples"], "length": 40_000}, "limit 65535"),
        ({"bands": [{"low_hz": 10, "high_hz": 501}]}, "half the sample rate, 500 Hz"),
        ({"bands": [{"low_hz": 20, "high_hz": 10}]}, "must rise"),
        ({"bands": [{"low_hz": -1, "high_hz": 10}]}, "low_hz"),
        ({"bands": [{"low_hz": 10.5, "high_hz": 11.5}]}, "4 Hz apart"),
        ({"bands": [{"low_hz": 10, "high_hz": 20}] * 2}, "band named twice"),
        ({"bands": [{"low_hz": 10, "high_hz": 20 + number} for number in range(257)]}, "bands"),
        ({"bands": []}, "not those that the frame gives"),
        ({"features": ["rms"]}, "not those that the frame gives"),
    ],
    ids=str,
)
def test_what_contradicts_itself_or_exceeds_a_limit_is_refused_in_one_line(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError, match=message) as caught:
        decode_manifest(changed(**fields))
    assert "\n" not in str(caught.value)


def test_categories_are_no_features_of_a_frame() -> None:
    document = json.loads(FRAMED)
    document["features"][0]["kind"] = "category"
    with pytest.raises(ManifestError, match="are numbers, not categories"):
        decode_manifest(json.dumps(document).encode())


def test_what_a_manifest_may_hold_a_framer_takes() -> None:
    largest = Frame(
        sample_rate_hz=1e9,
        length=65_535,
        hop=1 << 24,
        channels=tuple(Channel(name=f"{number}") for number in range(16)),
        features=("mean",),
        bands=(Band(low_hz=0, high_hz=5e8),),
    )
    assert Framer(largest).n_features == 32


def test_a_framer_checks_its_frame() -> None:
    with pytest.raises(ManifestError, match="neither features nor bands"):
        Framer(Frame(sample_rate_hz=1.0, length=2, hop=1, channels=(Channel(name="a"),)))


@given(
    rate_hz=st.floats(1e-6, 1e9),
    length=st.integers(2, 1 << 16),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
)
def test_bins_of_any_band_lie_within_the_spectrum(rate_hz: float, length: int, low: float, high: float) -> None:
    band = Band(low_hz=low * rate_hz / 2, high_hz=high * rate_hz / 2)
    frame = Frame(sample_rate_hz=rate_hz, length=length, hop=1, channels=(Channel(name="a"),), bands=(band,))
    with contextlib.suppress(ManifestError):
        frame.check()
        ((first, end),) = frame.bins()
        assert 0 <= first < end <= length // 2 + 1
        assert first * rate_hz / length >= band.low_hz
        assert (end - 1) * rate_hz / length < band.high_hz or band.high_hz >= rate_hz / 2


@given(st.integers(0, len(FRAMED) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused_never_worse(position: int, value: int) -> None:
    mutated = bytearray(FRAMED)
    mutated[position] = value
    with contextlib.suppress(ManifestError):
        decode_manifest(bytes(mutated))
