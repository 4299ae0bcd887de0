"""The bundle: one deterministic archive, identified by its SHA-256.

POSIX ustar (IEEE Std 1003.1-2008, pax, "ustar Interchange Format"), uncompressed, so
that an artifact is read in place through mmap. ``manifest.json`` comes first, then
the files that it names, in order of name. Every header field but name and size is
fixed. The reader accepts exactly what the writer writes: for each entry it builds the
one header that is right and compares, so there is no second way to say a thing and
nothing to confuse. The page is ``docs/formats/bundle.md``.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from device_contract.canonical import canonical_json, sha256_hex
from device_contract.errors import BundleError, ContractError
from device_contract.manifest import MAX_MANIFEST_BYTES, Manifest, decode_manifest

MANIFEST_NAME = "manifest.json"
MAX_BUNDLE_BYTES = 512 << 20
MAX_FILES = 16
_BLOCK = 512
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True)
class Bundle:
    """An opened bundle, every file checked against the manifest.

    Attributes:
        manifest: The manifest.
        files: Contents by file name, without the manifest; views into the archive.
        sha256: Digest of the whole archive.
        size_bytes: Length of the whole archive.
    """

    manifest: Manifest
    files: Mapping[str, memoryview]
    sha256: str
    size_bytes: int


def pack(manifest: Manifest, files: Mapping[str, bytes]) -> bytes:
    """Build the archive; the same manifest and files give the same bytes.

    Raises:
        BundleError: The files are not those that the manifest names, or limits are exceeded.
    """
    entries = [(MANIFEST_NAME, canonical_json(manifest)), *sorted(files.items())]
    data = b"".join(_header(name, len(body)) + body + bytes(-len(body) % _BLOCK) for name, body in entries) + _END
    read(data)
    return data


def open_file(path: Path) -> Bundle:
    """Map a bundle into memory and read it.

    Raises:
        BundleError: The file cannot be read or is not a sound bundle.
        ManifestError: Its manifest is malformed.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # nothing to map
        raise BundleError(f"{path} is empty") from error
    try:
        return read(memoryview(mapped))
    except ContractError as error:
        raise type(error)(f"{path} is no sound bundle: {error}") from error


def read(data: bytes | memoryview) -> Bundle:
    """Check an archive and return its contents as views.

    Raises:
        BundleError: The archive is oversized, truncated, not canonical, or does not match
            its manifest.
        ManifestError: The manifest is malformed.
    """
    view = memoryview(data)
    if len(view) > MAX_BUNDLE_BYTES:
        raise BundleError(f"bundle has {len(view)} bytes, limit {MAX_BUNDLE_BYTES}")
    entries = _entries(view)
    if not entries or entries[0][0] != MANIFEST_NAME:
        raise BundleError("bundle does not start with its manifest")
    if len(entries[0][1]) > MAX_MANIFEST_BYTES:
        raise BundleError(f"manifest has {len(entries[0][1])} bytes, limit {MAX_MANIFEST_BYTES}")
    manifest = decode_manifest(entries[0][1])
    files = dict(entries[1:])
    _check_files(manifest, files, [name for name, _ in entries[1:]])
    return Bundle(manifest, MappingProxyType(files), sha256_hex(view), len(view))


def _entries(view: memoryview) -> list[tuple[str, memoryview]]:
    """Walk the archive, refusing whatever the writer would not have written."""
    entries: list[tuple[str, memoryview]] = []
    offset = 0
    while view[offset : offset + len(_END)] != _END:
        if len(entries) > MAX_FILES:
            raise BundleError(f"bundle has more than {MAX_FILES} files")
        name, size = _parse_header(view, offset)
        start, end = offset + _BLOCK, offset + _BLOCK + size
        offset = end + -size % _BLOCK
        if offset > len(view) or any(view[end:offset]):
            raise BundleError(f"bundle is truncated or padded with data after {name!r}")
        entries.append((name, view[start:end]))
    if offset + len(_END) != len(view):
        raise BundleError("bundle has data after its end")
    return entries


def _parse_header(view: memoryview, offset: int) -> tuple[str, int]:
    header = bytes(view[offset : offset + _BLOCK])
    if len(header) < _BLOCK:
        raise BundleError(f"bundle is truncated at byte {offset}")
    try:
        name = header[:100].rstrip(b"\0").decode("ascii")
        size = int(header[124:135], 8)
    except ValueError as error:
        raise BundleError(f"malformed entry at byte {offset}") from error
    if size < 0 or header != _header(name, size):
        raise BundleError(f"entry at byte {offset} is not in canonical form")
    return name, size


def _header(name: str, size: int) -> bytes:
    """Return the one ustar header for a file: mode 0444, owner 0, time 0, no links."""
    encoded = name.encode("ascii", "replace")
    if not 0 < len(encoded) <= 99 or size >= 8**11:  # noqa: PLR2004  (field widths of ustar)
        raise BundleError(f"bundle entry {name[:80]!r} does not fit")
    prefix = encoded.ljust(100, b"\0") + b"0000444\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"0" * 11 + b"\0"
    suffix = b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
    checksum = sum(prefix) + 8 * ord(" ") + sum(suffix)
    return prefix + b"%06o\0 " % checksum + suffix


def _check_files(manifest: Manifest, files: Mapping[str, memoryview], order: list[str]) -> None:
    expected = {file.path: file for file in manifest.files()}
    if order != sorted(expected):
        raise BundleError(f"bundle holds {order}, its manifest names {sorted(expected)}")
    for name, body in files.items():
        reference = expected[name]
        if len(body) != reference.size_bytes or sha256_hex(body) != reference.sha256:
            raise BundleError(f"{name!r} does not match its digest in the manifest")
