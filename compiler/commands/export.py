"""``leeway-compiler export-c``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from device_contract.bundle import open_file
from device_contract.profile import find_profile


def export_c(
    bundle: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE...", help="The firmware's bundles.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the C files into.", show_default=False)],
    profile: Annotated[
        str | None, typer.Option(help="Build for this microcontroller and hold its budget.", show_default=False)
    ] = None,
) -> None:
    """Write the plans of bundles as C99 for a microcontroller."""
    from compiler.export import export

    target = find_profile(profile) if profile is not None else None
    exported = export([open_file(path) for path in bundle], target)
    exported.write(out)
    if target is not None:
        table = Table(target.name, "bytes", "at most")
        for share in exported.shares:
            table.add_row(share.memory, str(share.taken_bytes), str(share.granted_bytes))
        Console().print(table)
    typer.echo(f"wrote {', '.join(exported.sources)} to {out}")
