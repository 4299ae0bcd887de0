"""``leeway-fleet broker``: what an operator of a separate broker needs."""

from pathlib import Path
from typing import Annotated

import typer

from fleet_server.broker.mosquitto import MosquittoSite, access_list, configuration, write_configuration
from fleet_server.broker.tls import TlsFiles
from fleet_server.settings import DataFolder, Settings, read_settings

app = typer.Typer(help="A broker of your own.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``config`` a command by its name, though it is the only one."""


@app.command()
def config(
    data: Annotated[Path, typer.Option(help="The server's data folder.")],
    out: Annotated[Path | None, typer.Option(help="Folder for both files; without it they are printed.")] = None,
    user: Annotated[str, typer.Option(help="System user that mosquitto becomes when root starts it.")] = "mosquitto",
) -> None:
    """Make the configuration and the access rules of a mosquitto for this fleet."""
    folder = DataFolder(data.resolve())
    site = _site(folder, read_settings(folder), (out or folder.path / "mosquitto").resolve(), user)
    if out is None:
        typer.echo(configuration(site))
        typer.echo(f"# {site.folder}/leeway.acl")
        typer.echo(access_list())
        return
    settings, rules = write_configuration(site)
    typer.echo(f"wrote {settings} and {rules}; run: mosquitto -c {settings}")


def _site(folder: DataFolder, settings: Settings, out: Path, user: str) -> MosquittoSite:
    certificates, keys = folder.certificates, folder.keys
    return MosquittoSite(
        folder=out,
        port=settings.mqtt_port,
        tls=TlsFiles(certificates / "ca.crt", certificates / "server.crt", keys / "server.key"),
        revocations=certificates / "crl.pem",
        listen_address=settings.listen_address,
        user=user,
    )
