"""Labels: the words by which operators group devices; pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from fleet_server.errors import InvalidRequestError

MAX_LABELS: Final = 32
_KEY = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}")
_VALUE = re.compile(r"[a-zA-Z0-9 ._:/-]{0,128}")


def check_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels, sorted by key.

    Raises:
        InvalidRequestError: There are too many, or a key or value has a character that is not allowed.
    """
    if len(labels) > MAX_LABELS:
        raise InvalidRequestError(f"{len(labels)} labels, at most {MAX_LABELS} are allowed")
    for key, value in labels.items():
        if not _KEY.fullmatch(key):
            raise InvalidRequestError(f"label key {key[:80]!r}: use letters, digits and . _ / -, at most 63")
        if not _VALUE.fullmatch(value):
            raise InvalidRequestError(f"value of label {key!r}: use letters, digits, spaces and . _ : / -, at most 128")
    return dict(sorted(labels.items()))


def parse_filter(texts: Sequence[str]) -> dict[str, str]:
    """Parse ``key=value`` texts, all of which a device must match.

    Raises:
        InvalidRequestError: A text is malformed, or two give one key different values.
    """
    labels: dict[str, str] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise InvalidRequestError(f"label filter {text[:80]!r} must read key=value")
        if labels.setdefault(key, value) != value:
            raise InvalidRequestError(f"label filter names {key[:80]!r} twice with different values")
    return check_labels(labels)
