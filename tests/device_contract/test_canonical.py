import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from device_contract.canonical import canonical_json, sha256_hex

GOLDEN = (Path(__file__).resolve().parent.parent / "golden" / "canonical" / "document.json").read_bytes()
DOCUMENT = {"ü": 'Größe \n"\\ \u2028', "b": [1, -0.0, 1e300, 0.1, float("nan")], "a": {"z": None, "y": True}, "": 2**53}

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
documents = st.recursive(
    scalars | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


def test_the_golden_document_is_written_byte_for_byte() -> None:
    assert canonical_json(DOCUMENT) == GOLDEN


@given(documents)
def test_the_order_of_keys_does_not_matter(document: Any) -> None:
    assert canonical_json(shuffled(document)) == canonical_json(document)


@given(documents)
def test_canonical_json_is_json_and_is_a_fixed_point(document: Any) -> None:
    data = canonical_json(document)
    assert json.loads(data) == document
    assert canonical_json(json.loads(data)) == data


def test_numbers_that_json_lacks_become_null() -> None:
    assert canonical_json([float("nan"), float("inf")]) == b"[null,null]"


def test_the_digest_is_that_of_the_standard() -> None:
    # FIPS 180-4: SHA-256 of "abc".
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_hex(b"abc") == sha256_hex(memoryview(b"abc")) == sha256_hex(bytearray(b"abc")) == expected
