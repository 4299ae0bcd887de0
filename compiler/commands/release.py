"""``leeway-compiler keys``, ``sign`` and ``publish``: from a bundle to the fleet server."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from compiler.commands.options import BundleFile, KeyFile
from device_contract.bundle import open_file


def init_keys(
    folder: Annotated[Path, typer.Option("--dir", help="Folder to write ci.key and ci.pub into.", show_default=False)],
) -> None:
    """Make CI's key pair."""
    from compiler.signing import create_keys

    private, public = create_keys(folder)
    typer.echo(f"wrote {private} (keep it secret) and {public}")


def sign(bundle: BundleFile, key: KeyFile) -> None:
    """Sign a bundle: writes BUNDLE.sig beside it."""
    from compiler.files import write_whole
    from compiler.signing import load_private_key, sign_bundle, signature_path

    signature = sign_bundle(open_file(bundle), load_private_key(key))
    path = signature_path(bundle)
    write_whole(path, signature)
    typer.echo(f"wrote {path}")


def publish(
    bundle: BundleFile,
    key: KeyFile,
    server: Annotated[
        str, typer.Option(envvar="LEEWAY_SERVER", help="Fleet server, https://host:port.", show_default=False)
    ],
    token: Annotated[
        str, typer.Option(envvar="LEEWAY_TOKEN", help="Token with the role release_ci.", show_default=False)
    ],
    ca: Annotated[
        Path | None,
        typer.Option(envvar="LEEWAY_CA", help="The fleet's CA certificate, if not a public CA.", show_default=False),
    ] = None,
) -> None:
    """Sign a bundle and publish it to the fleet server."""
    from compiler import publish as publishing
    from compiler.signing import load_private_key

    opened = open_file(bundle)
    target = publishing.Server(server, token, ca)
    done = publishing.publish(opened, bundle.read_bytes(), load_private_key(key), target, datetime.now(UTC))
    typer.echo(f"{'published' if done.is_new else 'already published:'} {done.target_path} at {server}")
