import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.canonical import canonical_json
from device_contract.errors import ManifestError
from device_contract.manifest import MAX_MANIFEST_BYTES, Manifest, decode_manifest

GOLDEN = (Path(__file__).resolve().parent.parent / "golden" / "manifest" / "pump.json").read_bytes()


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(GOLDEN), **fields}).encode()


def test_the_golden_manifest_is_written_byte_for_byte(example_manifest: Manifest) -> None:
    assert canonical_json(example_manifest) == GOLDEN


def test_a_manifest_survives_its_round_trip(example_manifest: Manifest) -> None:
    assert decode_manifest(GOLDEN) == example_manifest
    assert decode_manifest(memoryview(GOLDEN)) == example_manifest


def test_unknown_fields_are_ignored(example_manifest: Manifest) -> None:
    assert decode_manifest(changed(added_later={"by": "a newer compiler"})) == example_manifest


@pytest.mark.parametrize(
    "field", ["model", "version", "task", "features", "outputs", "artifacts", "baseline", "lineage"]
)
def test_missing_fields_are_refused(field: str) -> None:
    document = json.loads(GOLDEN)
    del document[field]
    with pytest.raises(ManifestError, match=field):
        decode_manifest(json.dumps(document).encode())


@pytest.mark.parametrize(
    "fields",
    [
        {"schema_version": 2},
        {"model": "../pump"},
        {"model": "pump\n"},
        {"version": ""},
        {"task": "ranking"},
        {"features": []},
        {"outputs": []},
        {"artifacts": []},
        {"features": [{"name": "pressure"}, {"name": "pressure"}]},
        {"outputs": [{"name": "x"}, {"name": "x"}]},
        {"labels": ["only one"]},
        {"profile": "Not A Name"},
        {"budget": {"artifact_bytes": 0}},
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        decode_manifest(changed(**fields))


def test_two_artifacts_of_one_kind_are_refused() -> None:
    artifacts = json.loads(GOLDEN)["artifacts"]
    artifacts[1]["kind"] = artifacts[0]["kind"]
    with pytest.raises(ManifestError, match="artifact kind named twice"):
        decode_manifest(changed(artifacts=artifacts))


def test_two_files_of_one_name_are_refused() -> None:
    document = json.loads(GOLDEN)
    with pytest.raises(ManifestError, match="file named twice"):
        decode_manifest(changed(sbom=document["baseline"]))


def test_an_oversized_manifest_is_refused() -> None:
    with pytest.raises(ManifestError, match="limit"):
        decode_manifest(b" " * (MAX_MANIFEST_BYTES + 1))


@given(st.binary(max_size=512))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(ManifestError):
        decode_manifest(data)


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_truncated_manifest_is_refused(length: int) -> None:
    with pytest.raises(ManifestError):
        decode_manifest(GOLDEN[:length])


@given(st.integers(0, len(GOLDEN) - 1), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused_never_worse(position: int, value: int) -> None:
    mutated = bytearray(GOLDEN)
    mutated[position] = value
    with contextlib.suppress(ManifestError):
        decode_manifest(bytes(mutated))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_other_json_is_refused(document: Any) -> None:
    with pytest.raises(ManifestError):
        decode_manifest(json.dumps(document).encode())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ManifestError):
        decode_manifest(b'{"x":' * 100_000)
