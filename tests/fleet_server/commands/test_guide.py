import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from fleet_server.commands import GROUPS, errors

GUIDE = (Path(__file__).parents[3] / "docs" / "guides" / "fleet-cli.md").read_text(encoding="utf-8")
COMMON = {"--server", "--token", "--ca", "--data", "--json"}


def described_commands() -> Iterator[tuple[str, set[str]]]:
    for name, group in GROUPS.items():
        shell = typer.Typer()
        shell.add_typer(group, name=name)
        for verb, command in get_command(shell).commands[name].commands.items():
            options = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
            yield f"{name} {verb}", options - {"--help"}


DESCRIBED = list(described_commands())


@pytest.mark.parametrize(("command", "options"), DESCRIBED, ids=[command for command, _ in DESCRIBED])
def test_the_guide_has_a_row_for_each_command_with_each_of_its_options(command: str, options: set[str]) -> None:
    rows = [line for line in GUIDE.splitlines() if re.match(rf"\| `{command}[ `]", line)]
    assert len(rows) == 1
    assert set(re.findall(r"--[a-z-]+", rows[0])) == options - COMMON
    assert options >= COMMON


def test_the_guide_names_the_options_of_every_command() -> None:
    section = GUIDE.split("## Options of every command")[1].split("## ")[0]
    assert set(re.findall(r"^\| `(--[a-z]+)`", section, re.MULTILINE)) == COMMON


def test_the_guide_names_no_command_that_is_gone() -> None:
    named = set(re.findall(r"^\| `([a-z]+ [a-z-]+)[ `]", GUIDE, re.MULTILINE))
    assert named == {command for command, _ in DESCRIBED}


def test_the_guide_names_each_exit_code() -> None:
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {int(code) for code in re.findall(r"^\| (\d) \|", GUIDE, re.MULTILINE)} == codes | {0}
