"""``leeway-compiler compile``."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from compiler.commands.options import TrustPickle


def compile_model(  # noqa: PLR0913, PLR0917  (each option of the command)
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Trained model: .onnx, .skops, or a pickle.", show_default=False)
    ],
    sample: Annotated[
        Path, typer.Option(help="Rows like those of the training: .csv, .parquet or .npz.", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="The model's name.", show_default=False)],
    version: Annotated[str, typer.Option(help="The model's version.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write the bundle into.", show_default=False)],
    schema: Annotated[
        Path | None, typer.Option(help="TOML file that describes the features and outputs.", show_default=False)
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Firmware profile that the bundle is for; portable without.", show_default=False)
    ] = None,
    kind: Annotated[
        Literal["onnx", "plan", "both"] | None,
        typer.Option(help="Artifacts to emit; without it, all that can be.", show_default=False),
    ] = None,
    trust_pickle: TrustPickle = False,  # noqa: FBT002  (a flag)
) -> None:
    """Compile a trained model to a bundle."""
    from compiler import pipeline
    from compiler.report import show_compiled

    compiled = pipeline.compile_model(
        model,
        sample,
        name=name,
        version=version,
        schema=schema,
        profile=profile,
        kind=kind,
        trust_pickle=trust_pickle,
        environment=os.environ,
    )
    path = compiled.write(out)
    show_compiled(Console(), compiled)
    typer.echo(f"wrote {path}")
