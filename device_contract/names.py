"""The alphabets of names that appear in topics, paths and certificates."""

import re
from typing import Annotated

import msgspec

DEVICE_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
"""A device id: also its certificate's common name, MQTT client id and topic level."""

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
"""A model's name, a version, a firmware profile's name: also a path segment."""

SHA256_PATTERN = r"^[0-9a-f]{64}$"


def whole(pattern: str) -> msgspec.Meta:
    """Return the constraint that the whole text fits a pattern that ends in ``$``.

    msgspec searches with Python's ``re``, where ``$`` also fits before a last line break.
    """
    return msgspec.Meta(pattern=pattern.removesuffix("$") + r"\Z")


DeviceId = Annotated[str, whole(DEVICE_ID_PATTERN)]
Name = Annotated[str, whole(NAME_PATTERN)]
Sha256 = Annotated[str, whole(SHA256_PATTERN)]


def is_device_id(text: str) -> bool:
    """Tell whether the text may be a device id."""
    return re.fullmatch(DEVICE_ID_PATTERN, text) is not None and not text.endswith("\n")


def is_name(text: str) -> bool:
    """Tell whether the text may name a model, a version or a profile."""
    return re.fullmatch(NAME_PATTERN, text) is not None and not text.endswith("\n")
