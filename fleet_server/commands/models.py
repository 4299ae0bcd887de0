"""``leeway-fleet models``: what may be deployed, and whose key signs it."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.output import Answer

app = group("Models and their published versions.")

ModelName = Annotated[str, typer.Argument(help="The model's name.")]

COLUMNS = ("name", "threshold", "public_keys", "created_ms")
VERSION_COLUMNS = ("version", "profile", "release_counter", "size_bytes", "sha256", "published_ms")


@command(app, "list")
def list_models(client: FleetClient, *, limit: Limit = 50, every: All = False) -> Answer:
    """List models."""
    return Answer(client.list(api("models"), limit=None if every else limit), COLUMNS)


@command(app, "show")
def show_model(
    client: FleetClient, model: ModelName, version: Annotated[str | None, typer.Argument(help="A version.")] = None
) -> Answer:
    """Show a model, or one version of it."""
    return Answer(client.get(api("models", model, "versions", version) if version else api("models", model)))


@command(app, "versions")
def list_versions(client: FleetClient, model: ModelName, *, limit: Limit = 50, every: All = False) -> Answer:
    """List a model's published versions."""
    return Answer(client.list(api("models", model, "versions"), limit=None if every else limit), VERSION_COLUMNS)


@command(app, "create")
def create_model(
    client: FleetClient,
    model: ModelName,
    key: Annotated[list[Path], typer.Option(help="Public key of CI, Ed25519 PEM (ci.pub); may be repeated.")],
    threshold: Annotated[int, typer.Option(min=1, help="How many of the keys must sign a release.")] = 1,
) -> Answer:
    """Allow the holders of these keys to publish versions of a new model."""
    body = {"name": model, "public_keys": [_read_public_key(path) for path in key], "threshold": threshold}
    return Answer(client.post(api("models"), body), line=f"{model} is created; publish with leeway-compiler publish")


def _read_public_key(path: Path) -> str:
    """Return the raw key in hexadecimal."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read the public key {path}: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} is no Ed25519 key in PEM: give the ci.pub that `leeway-compiler keys init` made")
    return key.public_bytes_raw().hex()
