"""The device's guide says what the code does: no command, option, setting, counter or code without its line."""

import argparse
import re
from pathlib import Path

import msgspec
import pytest

from edge_agent import errors
from edge_agent.cli import EXIT_BAD_ROWS, build_parser
from edge_agent.counters import COUNTERS
from edge_agent.refusals import REFUSALS
from edge_agent.settings import Settings

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guides" / "device.md").read_text()
ROWS = {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)` \|.*$", GUIDE, re.MULTILINE)}


def commands() -> dict[str, argparse.ArgumentParser]:
    actions = build_parser()._actions
    found = next(action for action in actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


@pytest.mark.parametrize("name", commands())
def test_each_command_and_option(name: str) -> None:
    section = GUIDE.partition(f"### `leeway-agent {name}`")[2].partition("\n### ")[0]
    assert section
    for action in commands()[name]._actions:
        for option in action.option_strings:
            assert option in {"-h", "--help"} or f"`{option}" in section


@pytest.mark.parametrize("field", msgspec.structs.fields(Settings), ids=lambda field: field.name)
def test_each_setting_with_its_default(field: msgspec.structs.FieldInfo) -> None:
    default = (
        "from enrolment"
        if field.required
        else f"{field.default:g}"
        if isinstance(field.default, float)
        else str(field.default)
    )
    assert f"| {default} |" in ROWS[field.name]


@pytest.mark.parametrize(("name", "meaning"), [*COUNTERS.items(), *REFUSALS.items()])
def test_each_counter_and_each_reason_code(name: str, meaning: str) -> None:
    assert ROWS[name] == f"| `{name}` | {meaning} |"


def test_no_counter_without_a_use() -> None:
    code = "".join(
        path.read_text()
        for path in Path(errors.__file__).parent.rglob("*.py")
        if path.name not in {"counters.py", "refusals.py"}
    )
    assert [name for name in (*COUNTERS, *REFUSALS) if f'"{name}"' not in code] == []


def test_each_exit_code() -> None:
    codes = {error.exit_code for error in errors.AgentError.__subclasses__()} | {EXIT_BAD_ROWS, 0, 2}
    assert codes == {int(name) for name in ROWS if name.isdigit()}
