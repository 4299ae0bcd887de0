"""Mutations of JSON and MessagePack that keep the document well formed.

Bytes changed at random end in the parser; the checks behind it see only documents that parse.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import atheris
import msgspec

Document = Any
Mutator = Callable[[bytes, int, int], bytes]
"""Takes the data, the largest size that is wanted and a seed, as atheris gives them."""

_NUMBERS = (
    0,
    1,
    -1,
    255,
    256,
    65_535,
    65_536,
    2**31,
    2**53,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.5,
    -0.0,
    1e308,
)
_TEXTS = ("", "a", "\0", "\n", "..", "../x", "/etc", "ä" * 70, "A" * 600, "0" * 64, "plan", "2")
_ANY = (None, True, False, [], {}, *_NUMBERS, *_TEXTS)


def json_mutator(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a JSON document in one or a few places."""
    return _mutate(data, max_size, Random(seed), msgspec.json.decode, msgspec.json.encode)


def msgpack_mutator(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a MessagePack document in one or a few places."""
    return _mutate(data, max_size, Random(seed), msgspec.msgpack.decode, msgspec.msgpack.encode)


def mutate_document(document: Document, chance: Random) -> Document:
    """Return the document with one place changed."""
    if not isinstance(document, dict | list) or not document or chance.random() < 0.1:
        return _replaced(document, chance)
    return _mutate_dict(document, chance) if isinstance(document, dict) else _mutate_list(document, chance)


def _mutate(
    data: bytes, max_size: int, chance: Random, decode: Callable[[bytes], Any], encode: Callable[[Any], bytes]
) -> bytes:
    try:
        document = decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if document is None or chance.random() < 0.1:
        return bytes(atheris.Mutate(data, max_size))
    for _ in range(chance.choice((1, 1, 2, 4))):
        document = mutate_document(document, chance)
    try:
        return encode(document)[:max_size]
    except (msgspec.EncodeError, UnicodeEncodeError, RecursionError, OverflowError):
        return data


def _mutate_dict(document: dict[Any, Any], chance: Random) -> Document:
    changed = dict(document)
    key = chance.choice(list(changed))
    what = chance.random()
    if what < 0.1:
        del changed[key]
    elif what < 0.15:
        changed[chance.choice(_TEXTS)] = changed[key]
    else:
        changed[key] = mutate_document(changed[key], chance)
    return changed


def _mutate_list(document: list[Any], chance: Random) -> Document:
    changed = list(document)
    place = chance.randrange(len(changed))
    what = chance.random()
    if what < 0.1:
        del changed[place]
    elif what < 0.2:
        changed.insert(place, chance.choice(changed))
    elif what < 0.25:
        changed *= chance.choice((2, 3, 17))
    else:
        changed[place] = mutate_document(changed[place], chance)
    return changed


def _replaced(value: Document, chance: Random) -> Document:
    """Return another value, most often of the same type."""
    if chance.random() < 0.2:
        return chance.choice((*_ANY, [value], {"": value}))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return chance.choice((value + 1, value - 1, -value, value * 2, chance.choice(_NUMBERS)))
    if isinstance(value, bytes):
        return bytes(atheris.Mutate(value, 2 * len(value) + 16))
    if isinstance(value, str):
        return chance.choice((value[:-1], value + chance.choice(_TEXTS), value.upper(), chance.choice(_TEXTS)))
    return chance.choice(_ANY)
