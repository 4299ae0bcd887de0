"""``leeway-agent``: enroll, run, status, score."""

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from device_contract.errors import ContractError, ProfileError
from device_contract.version import VERSION
from edge_agent.errors import AgentError, ModelError, SettingsError, StateError
from edge_agent.settings import changed, read_settings

DEFAULT_STATE_DIR = Path("leeway-state")
EXIT_BAD_ROWS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error is one line on standard error and an exit code."""
    options = build_parser().parse_args(arguments)
    level = logging.DEBUG if options.verbose else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        exit_code: int = options.command(options)
    except (AgentError, ContractError, OSError) as error:
        print(f"leeway-agent: {_line(error)}", file=sys.stderr)  # noqa: T201  (the user's line)
        return exit_code_of(error)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return exit_code


def _line(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or 'standard output'}: {error.strerror or error}"
    return str(error)


def exit_code_of(error: Exception) -> int:
    """Return what the process ends with."""
    match error:
        case AgentError():
            return error.exit_code
        case ProfileError():
            return SettingsError.exit_code
        case ContractError():
            return ModelError.exit_code
    return StateError.exit_code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``docs/guides/device.md`` tells the same."""
    parser = argparse.ArgumentParser(prog="leeway-agent", description="Score models on a device.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}", help="print the version")
    parser.add_argument("--verbose", action="store_true", help="log everything")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_enroll(commands.add_parser("enroll", help="become a device of a fleet"))
    _add_run(commands.add_parser("run", help="score, report, update"))
    _add_status(commands.add_parser("status", help="tell what the device holds and does"))
    _add_score(commands.add_parser("score", help="score rows from standard input"))
    return parser


def _add_enroll(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", required=True, metavar="URL", help="the fleet server, https://host:port")
    parser.add_argument("--token", required=True, help="the one-time token")
    parser.add_argument("--profile", default="generic-x86_64", help="firmware profile of this hardware")
    _add_state(parser)
    parser.set_defaults(command=_enroll)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", default="stdin", help="stdin, replay:FILE[?speed=F], mqtt:HOST:PORT/TOPIC, ...")
    parser.add_argument("--sink", choices=("none", "stdout"), default="none", help="where scores go")
    parser.add_argument("--window-s", type=float, metavar="S", help="length of a window of statistics")
    _add_state(parser)
    parser.set_defaults(command=_run)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")
    _add_state(parser)
    parser.set_defaults(command=_status)


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bundle", type=Path, metavar="FILE", help="a bundle; else the one that the device holds")
    _add_state(parser)
    parser.set_defaults(command=_score)


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE_DIR, metavar="DIR", help="the state folder")


def _enroll(options: argparse.Namespace) -> int:
    from edge_agent.enrollment import enroll

    settings = enroll(options.server, options.token, options.state, options.profile)
    print(f"enrolled as {settings.device_id}; start with: leeway-agent run --state {options.state}")  # noqa: T201
    return 0


def _run(options: argparse.Namespace) -> int:
    from edge_agent.run import run
    from edge_agent.sinks.stdout import StreamSink
    from edge_agent.sources.source import open_source

    settings = read_settings(options.state)
    if options.window_s is not None:
        settings = changed(settings, window_s=options.window_s)
    sink = StreamSink(sys.stdout.buffer) if options.sink == "stdout" else None
    run(settings, options.state.resolve(), open_source(options.source), sink)
    return 0


def _status(options: argparse.Namespace) -> int:
    from edge_agent.status import describe

    told = describe(options.state, read_settings(options.state))
    text = msgspec.json.encode(told).decode() if options.json else _as_lines(told)
    print(text)  # noqa: T201
    return 0


def _as_lines(told: dict[str, object]) -> str:
    return "\n".join(f"{name:20} {_in_words(value) or '-'}" for name, value in told.items())


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={part}" for name, part in value.items())
    if isinstance(value, list):
        return "; ".join(map(_in_words, value))
    return "" if value is None else str(value)


def _score(options: argparse.Namespace) -> int:
    from edge_agent.score import score_stream
    from edge_agent.status import champion_path

    path = options.bundle or champion_path(options.state)
    failed = score_stream(path, sys.stdin.buffer, sys.stdout.buffer, sys.stderr)
    return EXIT_BAD_ROWS if failed else 0


if __name__ == "__main__":
    sys.exit(main())
