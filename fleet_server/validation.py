"""What pydantic finds wrong with a request, said of the fields that the user gave."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN

MAX_FAULTS: Final = 5
VISIBLE: Final = r"^[!-~]*$"
"""Visible ASCII: all that ids and cursors are made of. PostgreSQL would fail on a NUL."""

_ALPHABETS: Final = {
    DEVICE_ID_PATTERN: "must be letters, digits, _ and -, at most 64",
    NAME_PATTERN: "must be small letters, digits, '.', _ and -, at most 64, with a letter or digit first",
    VISIBLE: "must be visible ASCII characters",
}
_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not known here",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "finite_number": "must be finite",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have a length of at least {min_length}",
    "too_long": "must have a length of at most {max_length}",
    "value_error": "{error}",
}
_KINDS: Final = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "string": "must be a text",
    "list": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
}


def faults_in_words(faults: Iterable[Mapping[str, Any]]) -> str:
    """Say in one line which fields are wrong, and what they may be.

    Args:
        faults: As pydantic lists them; no more than ``MAX_FAULTS`` are told.
    """
    told = [_in_words(fault) for fault in faults]
    return "; ".join(told[:MAX_FAULTS])


def _in_words(fault: Mapping[str, Any]) -> str:
    place, *names = fault["loc"]
    if fault["type"] == "json_invalid":  # what it calls a name is a character's position
        return f"the body is not JSON: {fault['ctx']['error']}"
    return f"{'.'.join(map(str, names)) or f'the {place}'} {_allowed(fault)}"


def _allowed(fault: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _ALPHABETS.get(context["pattern"], f"must fit the pattern {context['pattern']}")
    if kind in _WORDS:
        return _WORDS[kind].format(**{name: _written(value) for name, value in context.items()})
    return _KINDS.get(kind.partition("_")[0], f"is wrong: {fault['msg']}")


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
