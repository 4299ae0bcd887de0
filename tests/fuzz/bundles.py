"""Mutations of bundles whose headers and digests are right again afterwards.

Without that, every change ends at the first digest, and what the manifest says is never read.
"""

from random import Random

import atheris
import msgspec

from device_contract import bundle
from device_contract.canonical import canonical_json, sha256_hex
from device_contract.errors import ContractError
from tests.fuzz.documents import mutate_document

_END = bytes(1024)
_BLOCK = 512


def bundle_mutator(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a file of the bundle, its manifest, its name, or any byte."""
    chance = Random(seed)
    try:
        entries = [(name, bytes(body)) for name, body in bundle._entries(memoryview(data))]
        document = msgspec.json.decode(entries[0][1])
    except (ContractError, IndexError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return bytes(atheris.Mutate(data, max_size))
    if chance.random() < 0.2:
        return bytes(atheris.Mutate(data, max_size))
    files = _mutate_files(entries[1:], chance)
    if chance.random() < 0.7:
        document = _with_digests(document, dict(files))
    if chance.random() < 0.5:
        document = mutate_document(document, chance)
    return _archive([(entries[0][0], canonical_json(document)), *files])[:max_size] or data


def _mutate_files(files: list[tuple[str, bytes]], chance: Random) -> list[tuple[str, bytes]]:
    changed = list(files)
    if not changed or chance.random() < 0.5:
        return changed
    place = chance.randrange(len(changed))
    name, body = changed[place]
    what = chance.random()
    if what < 0.1:
        del changed[place]
    elif what < 0.2:
        changed.append((chance.choice(("x", "model.plan", "manifest.json", "Z", "../x")), body))
    else:
        changed[place] = (name, bytes(atheris.Mutate(body, 2 * len(body) + 16)))
    return changed


def _with_digests(document: object, files: dict[str, bytes]) -> object:
    """Return the manifest with the digest and size of every file that it names."""
    if isinstance(document, list):
        return [_with_digests(item, files) for item in document]
    if not isinstance(document, dict):
        return document
    mended = {key: _with_digests(value, files) for key, value in document.items()}
    body = files.get(mended["path"]) if isinstance(mended.get("path"), str) else None
    if body is not None:
        mended |= {"sha256": sha256_hex(body), "size_bytes": len(body)}
    return mended


def _archive(entries: list[tuple[str, bytes]]) -> bytes:
    try:
        return (
            b"".join(bundle._header(name, len(body)) + body + bytes(-len(body) % _BLOCK) for name, body in entries)
            + _END
        )
    except ContractError:  # a name that no header holds
        return b""
