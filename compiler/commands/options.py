"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

BundleFile = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's file.", show_default=False)]
KeyFile = Annotated[Path, typer.Option("--key", help="CI's private key, ci.key.", show_default=False)]
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help="Load a pickle, which runs any code that it holds.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
