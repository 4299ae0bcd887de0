"""``leeway-compiler explain``."""

from typing import Annotated

import typer
from rich.console import Console

from compiler.commands.options import AsJson, BundleFile
from device_contract.bundle import open_file


def explain(
    bundle: BundleFile,
    row: Annotated[str, typer.Option(help="The row: numbers with commas between them.", show_default=False)],
    as_json: AsJson = False,  # noqa: FBT002  (a flag)
) -> None:
    """Show what each feature adds to the score of a row."""
    from compiler.explanation import explain_row
    from compiler.report import show_explanation

    explanation = explain_row(open_file(bundle), row)
    if as_json:
        typer.echo(explanation.as_json())
    else:
        show_explanation(Console(), explanation)
