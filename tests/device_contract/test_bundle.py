import io
import mmap
import tarfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract import bundle
from device_contract.bundle import MAX_BUNDLE_BYTES, MAX_FILES
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.errors import BundleError, ManifestError
from device_contract.manifest import MAX_MANIFEST_BYTES, FileReference, Manifest

BLOCK = 512
GOLDEN = (Path(__file__).resolve().parent.parent / "golden" / "bundle" / "pump.bundle").read_bytes()


def entry(name: str, body: bytes) -> bytes:
    """An entry in canonical form, whatever the manifest says of it."""
    return bundle._header(name, len(body)) + body + bytes(-len(body) % BLOCK)


def archive(entries: list[tuple[str, bytes]]) -> bytes:
    return b"".join(entry(name, body) for name, body in entries) + bytes(2 * BLOCK)


def test_the_golden_bundle_is_packed_byte_for_byte(example_manifest: Manifest, example_files: dict[str, bytes]) -> None:
    assert bundle.pack(example_manifest, example_files) == GOLDEN


def test_a_bundle_survives_its_round_trip(example_manifest: Manifest, example_files: dict[str, bytes]) -> None:
    read = bundle.read(GOLDEN)
    assert read.manifest == example_manifest
    assert {name: bytes(body) for name, body in read.files.items()} == example_files
    assert (read.sha256, read.size_bytes) == (sha256_hex(GOLDEN), len(GOLDEN))


def test_a_bundle_is_mapped_from_its_file(tmp_path: Path, example_manifest: Manifest) -> None:
    path = tmp_path / "any.bundle"
    path.write_bytes(GOLDEN)
    assert bundle.open_file(path).manifest == example_manifest


def test_the_order_of_the_files_given_does_not_matter(
    example_manifest: Manifest, example_files: dict[str, bytes]
) -> None:
    assert bundle.pack(example_manifest, dict(reversed(example_files.items()))) == GOLDEN


def test_ordinary_tar_reads_a_bundle(example_files: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(GOLDEN)) as tar:
        names = tar.getnames()
        contents = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    assert names == ["manifest.json", *sorted(example_files)]
    assert {name: contents[name] for name in example_files} == example_files


@pytest.mark.parametrize("path", ["", "missing.bundle"])
def test_a_file_that_cannot_be_read_is_a_bundle_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(BundleError, match="cannot read"):
        bundle.open_file(tmp_path / path)


@pytest.mark.parametrize(
    ("data", "error", "what"),
    [
        (b"", BundleError, "is empty"),
        (GOLDEN[:-1024], BundleError, "is no sound bundle: bundle is truncated"),
        (bytes(4096), BundleError, "is no sound bundle: "),
        (
            GOLDEN.replace(b'"schema_version":1', b'"schema_version":2'),
            ManifestError,
            "is no sound bundle: the manifest is of version 2, this Leeway reads version 1",
        ),
    ],
)
def test_an_unsound_file_is_told_by_its_name(tmp_path: Path, data: bytes, error: type[Exception], what: str) -> None:
    path = tmp_path / "pump.bundle"
    path.write_bytes(data)
    with pytest.raises(error) as refused:
        bundle.open_file(path)
    assert str(refused.value).startswith(f"{path} {what}")


@given(st.integers(0, len(GOLDEN) - 1))
def test_a_truncated_bundle_is_refused(length: int) -> None:
    with pytest.raises((BundleError, ManifestError)):
        bundle.read(GOLDEN[:length])


@given(st.integers(0, len(GOLDEN) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_only_changes_the_manifest(position: int, mask: int) -> None:
    mutated = bytearray(GOLDEN)
    mutated[position] ^= mask
    try:
        read = bundle.read(bytes(mutated))
    except (BundleError, ManifestError):
        return
    # The manifest vouches for the files; what vouches for the manifest is the whole bundle's digest.
    assert BLOCK <= position < 10 * BLOCK
    assert read.sha256 != sha256_hex(GOLDEN)


@given(st.binary(min_size=1, max_size=2048))
def test_data_after_the_end_is_refused(tail: bytes) -> None:
    with pytest.raises(BundleError):
        bundle.read(GOLDEN + tail)


@given(st.binary(max_size=4096))
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises((BundleError, ManifestError)):
        bundle.read(data)


@given(st.integers(0, len(GOLDEN) // BLOCK - 1), st.integers(0, len(GOLDEN) // BLOCK - 1))
def test_a_repeated_or_dropped_block_is_refused(start: int, end: int) -> None:
    blocks = [GOLDEN[offset : offset + BLOCK] for offset in range(0, len(GOLDEN), BLOCK)]
    mutated = b"".join(blocks[:start] + blocks[end:])
    if mutated != GOLDEN:
        with pytest.raises((BundleError, ManifestError)):
            bundle.read(mutated)


def test_an_oversized_bundle_is_refused_before_it_is_read() -> None:
    # An anonymous map takes no memory until it is touched.
    with pytest.raises(BundleError, match="limit"):
        bundle.read(memoryview(mmap.mmap(-1, MAX_BUNDLE_BYTES + 1)))


def test_an_oversized_manifest_is_refused() -> None:
    with pytest.raises(BundleError, match="manifest has"):
        bundle.read(archive([("manifest.json", b" " * (MAX_MANIFEST_BYTES + 1))]))


def test_too_many_files_are_refused() -> None:
    entries = [("manifest.json", b"{}"), *((f"file-{number}", b"") for number in range(MAX_FILES + 1))]
    with pytest.raises(BundleError, match="more than"):
        bundle.read(archive(entries))


def test_a_bundle_without_its_manifest_first_is_refused(
    example_manifest: Manifest, example_files: dict[str, bytes]
) -> None:
    entries = [*sorted(example_files.items()), ("manifest.json", canonical_json(example_manifest))]
    with pytest.raises(BundleError, match="start with its manifest"):
        bundle.read(archive(entries))


def test_duplicate_names_are_refused(example_manifest: Manifest, example_files: dict[str, bytes]) -> None:
    files = sorted(example_files.items())
    manifest = ("manifest.json", canonical_json(example_manifest))
    for repeated in (manifest, *files):
        with pytest.raises(BundleError):
            bundle.read(archive([manifest, repeated, *files]))


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/b", "..", ".hidden", "UPPER", "a\\b", "x" * 65, ""])
def test_names_that_are_paths_are_refused(
    name: str, example_manifest: Manifest, example_files: dict[str, bytes]
) -> None:
    reference = FileReference(path=name, sha256=sha256_hex(b""), size_bytes=0)
    manifest = msgspec.structs.replace(example_manifest, sbom=reference)
    files = {**example_files, name: b""}
    del files["sbom.cdx.json"]
    with pytest.raises((BundleError, ManifestError)):
        bundle.pack(manifest, files)


@pytest.mark.parametrize("field", ["mode", "owner", "group", "time", "link", "type", "prefix"])
def test_a_header_that_another_tar_would_write_is_refused(field: str) -> None:
    offsets = {"mode": 100, "owner": 108, "group": 116, "time": 136, "type": 156, "link": 157, "prefix": 345}
    header = bytearray(GOLDEN[:BLOCK])
    header[offsets[field]] = ord("7")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(BundleError, match="canonical"):
        bundle.read(bytes(header) + GOLDEN[BLOCK:])


def test_files_that_the_manifest_does_not_name_are_refused(
    example_manifest: Manifest, example_files: dict[str, bytes]
) -> None:
    with pytest.raises(BundleError, match="its manifest names"):
        bundle.pack(example_manifest, {**example_files, "extra": b""})
    with pytest.raises(BundleError, match="does not match its digest"):
        bundle.pack(example_manifest, {**example_files, "model.plan": b"other" * 80})
