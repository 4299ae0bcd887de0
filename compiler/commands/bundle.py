"""``leeway-compiler inspect`` and ``verify``: what a bundle holds, and whether it is sound."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compiler.commands.options import AsJson, BundleFile
from device_contract.bundle import open_file


def inspect(
    bundle: BundleFile,
    as_json: AsJson = False,  # noqa: FBT002  (a flag)
) -> None:
    """Show what a bundle holds."""
    from compiler.report import bundle_json, show_bundle

    opened = open_file(bundle)
    if as_json:
        typer.echo(bundle_json(opened))
    else:
        show_bundle(Console(), opened)


def verify(
    bundle: BundleFile,
    key: Annotated[
        Path | None, typer.Option(help="CI's public key, ci.pub: check BUNDLE.sig too.", show_default=False)
    ] = None,
) -> None:
    """Check a bundle as a device does: archive, digests, self-test, and its signature if a key is given."""
    from compiler.report import show_parity
    from compiler.signing import check_signature_file
    from compiler.verification import verify_contents

    opened = open_file(bundle)
    if key is not None:
        check_signature_file(opened, bundle, key)
    show_parity(Console(), opened.manifest, verify_contents(opened))
    typer.echo(f"{bundle}: sound{', signed by this key' if key else ''}, sha256 {opened.sha256}")
