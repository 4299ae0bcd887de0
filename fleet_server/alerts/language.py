"""The language of alert rules: a rule is data, TOML in a file or JSON over REST.

::

    [[rules]]
    name = "hot-inverter"
    signal = "metric.inverter_temperature"
    above = 80          # opens an alert ...
    windows = 3         # ... after three readings in a row
    clear = 75          # closes it at 75 or less, not at 80
    labels = {site = "north"}

The signals are listed by ``GET /api/v1/alert-signals``; the meaning of every field is in
``docs/guides/alerts.md``. What a rule does with a reading is in ``fleet_server.alerts.rules``.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.errors import InvalidRequestError

Severity = Literal["information", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("information", "warning", "critical")
MAX_RULES: Final = 1000
_MAX_SECONDS: Final = 366 * 86_400

RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
SignalName = Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_.-]{0,127}$")]
Words = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Level = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[int, Field(ge=0, le=_MAX_SECONDS)]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a signal asks for a person's attention, and for whose."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    name: RuleName
    signal: SignalName
    above: Level | None = None
    """The condition: exactly one of ``above``, ``below`` and ``equals``."""
    below: Level | None = None
    equals: Level | Words | None = None
    clear: Level | None = None
    """Level at which an open alert closes; the condition's own if left out."""
    windows: Annotated[int, Field(ge=1, le=1000)] = 1
    """Readings in a row that the condition must hold."""
    for_s: Seconds = 0
    """How long it must hold, in seconds."""
    cool_down_s: Seconds = 0
    """After closing, an alert does not open again for so long."""
    severity: Severity = "warning"
    critical: Level | None = None
    """From this level on, in the direction of the condition, the severity is ``critical``."""
    owner: Words = ""
    """Who looks after what this rule finds."""
    receivers: Annotated[tuple[RuleName, ...], Field(max_length=16)] = ()
    """Who is told; empty: every receiver."""
    model: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    device_id: Annotated[str, Field(pattern=DEVICE_ID_PATTERN)] | None = None
    labels: Annotated[dict[Words, Words], Field(max_length=32)] = field(default_factory=dict)
    """Labels all of which a device must carry."""
    together_s: Seconds = 86_400
    """Alerts of one cause that open within so long of each other are one incident."""
    request_retraining: bool = False
    """Whether an incident asks for the model to be trained anew."""
    enabled: bool = True


@dataclass(frozen=True)
class _File:
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rules: Annotated[tuple[Rule, ...], Field(max_length=MAX_RULES)]


def parse_rules(document: Mapping[str, Any]) -> Sequence[Rule]:
    """Read the rules of a TOML or JSON document: a table ``rules``.

    Raises:
        InvalidRequestError: It is not written in the language, or a rule contradicts itself.
    """
    try:
        rules = TypeAdapter(_File).validate_python(document).rules
    except ValidationError as error:
        faults = error.errors()[:3]
        lines = (f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults)
        raise InvalidRequestError("; ".join(lines)) from error
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidRequestError(f"rule {twice[0]!r} is there twice")
    return [checked(rule) for rule in rules]


def checked(rule: Rule) -> Rule:
    """Return a rule that does not contradict itself.

    Raises:
        InvalidRequestError: It does, and the line says how.
    """
    given = [name for name in ("above", "below", "equals") if getattr(rule, name) is not None]
    if len(given) != 1:
        raise InvalidRequestError(f"rule {rule.name!r}: give exactly one of above, below and equals")
    if rule.equals is not None and (rule.clear is not None or rule.critical is not None):
        raise InvalidRequestError(f"rule {rule.name!r}: clear and critical go with above or below")
    if rule.above is not None and rule.clear is not None and rule.clear > rule.above:
        raise InvalidRequestError(f"rule {rule.name!r}: clear {rule.clear:g} is above {rule.above:g}, it would flap")
    if rule.below is not None and rule.clear is not None and rule.clear < rule.below:
        raise InvalidRequestError(f"rule {rule.name!r}: clear {rule.clear:g} is below {rule.below:g}, it would flap")
    return rule


@cache
def default_rules() -> Mapping[str, Rule]:
    """Return the rules that every fleet has until its operators change them, by name."""
    text = (files("fleet_server.alerts") / "default_rules.toml").read_text(encoding="utf-8")
    return {rule.name: rule for rule in parse_rules(tomllib.loads(text))}
