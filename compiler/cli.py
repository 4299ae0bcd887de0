"""``leeway-compiler``: the commands that CI runs, by their names (``compiler.commands``), and their exit codes."""

import atexit
import gc
import logging
import sys
from typing import Annotated

import typer

from compiler.commands import bundle, release
from compiler.commands.bench import bench
from compiler.commands.compile import compile_model
from compiler.commands.explain import explain
from compiler.commands.export import export_c
from compiler.errors import CompilerError, exit_code
from device_contract.errors import ContractError
from device_contract.version import VERSION

app = typer.Typer(
    help="A trained model in, a signed bundle out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="Make the key pair that CI signs releases with.", no_args_is_help=True)

app.command("compile")(compile_model)
app.command()(bundle.inspect)
app.command()(bundle.verify)
app.command()(bench)
app.command()(explain)
app.command("export-c")(export_c)
app.command()(release.sign)
app.command()(release.publish)
app.add_typer(keys, name="keys")
keys.command("init")(release.init_keys)


def _tell_version(asked: bool) -> None:  # noqa: FBT001  (typer calls it with the option's value)
    if asked:
        typer.echo(f"leeway-compiler {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Declare the options that stand before a command."""


def main() -> None:
    """Run a command; a fault that the user can mend is one clear line and an exit code."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    # A command ends soon: a tenth of its time would go into looking through what it imported, as much again at its end.
    gc.disable()
    atexit.register(gc.freeze)
    try:
        app()
    except (CompilerError, ContractError) as error:
        _fail(str(error), exit_code(error))
    except OSError as error:
        _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", CompilerError.exit_code)


def _fail(message: str, code: int) -> None:
    typer.echo(f"leeway-compiler: {message}", err=True)
    sys.exit(code)
