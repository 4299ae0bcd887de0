"""``leeway-compiler``: the commands that CI runs. Thin: each option goes to a function elsewhere."""

import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from compiler.errors import CompilerError
from device_contract import bundle as bundles
from device_contract.errors import ContractError, ProfileError

_USAGE, _BAD_BUNDLE = 2, 7

app = typer.Typer(
    help="A trained model in, a signed bundle out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="Make the key pair that CI signs releases with.", no_args_is_help=True)
app.add_typer(keys, name="keys")

BundleFile = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle's file.", show_default=False)]
KeyFile = Annotated[Path, typer.Option("--key", help="CI's private key, ci.key.", show_default=False)]
TrustPickle = Annotated[bool, typer.Option("--trust-pickle", help="Load a pickle, which runs any code that it holds.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command("compile")
def compile_command(  # noqa: PLR0913, PLR0917  (each option of the command)
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
    from compiler.pipeline import compile_model
    from compiler.report import show_compiled

    compiled = compile_model(
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


@app.command()
def inspect(
    bundle: BundleFile,
    as_json: AsJson = False,  # noqa: FBT002  (a flag)
) -> None:
    """Show what a bundle holds."""
    from compiler.report import bundle_json, show_bundle

    opened = bundles.open_file(bundle)
    if as_json:
        typer.echo(bundle_json(opened))
    else:
        show_bundle(Console(), opened)


@app.command()
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

    opened = bundles.open_file(bundle)
    if key is not None:
        check_signature_file(opened, bundle, key)
    show_parity(Console(), opened.manifest, verify_contents(opened))
    typer.echo(f"{bundle}: sound{', signed by this key' if key else ''}, sha256 {opened.sha256}")


@keys.command("init")
def init_keys(
    folder: Annotated[Path, typer.Option("--dir", help="Folder to write ci.key and ci.pub into.", show_default=False)],
) -> None:
    """Make CI's key pair."""
    from compiler.signing import create_keys

    private, public = create_keys(folder)
    typer.echo(f"wrote {private} (keep it secret) and {public}")


@app.command()
def sign(bundle: BundleFile, key: KeyFile) -> None:
    """Sign a bundle: writes BUNDLE.sig beside it."""
    from compiler.files import write_whole
    from compiler.signing import load_private_key, sign_bundle, signature_path

    path = signature_path(bundle)
    write_whole(path, sign_bundle(bundles.open_file(bundle), load_private_key(key)))
    typer.echo(f"wrote {path}")


@app.command()
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

    opened = bundles.open_file(bundle)
    target = publishing.Server(server, token, ca)
    done = publishing.publish(opened, bundle.read_bytes(), load_private_key(key), target, datetime.now(UTC))
    typer.echo(f"{'published' if done.is_new else 'already published:'} {done.target_path} at {server}")


def main() -> None:
    """Run a command; a fault that the user can mend is one clear line and an exit code."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        app()
    except CompilerError as error:
        _fail(str(error), error.exit_code)
    except ProfileError as error:
        _fail(str(error), _USAGE)
    except ContractError as error:
        _fail(str(error), _BAD_BUNDLE)
    except OSError as error:
        _fail(f"{error.filename or 'standard output'}: {error.strerror or error}", CompilerError.exit_code)


def _fail(message: str, exit_code: int) -> None:
    typer.echo(f"leeway-compiler: {message}", err=True)
    sys.exit(exit_code)
