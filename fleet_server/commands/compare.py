"""``leeway-fleet compare``: two devices, two versions or two periods of a model, stream by stream, with a plot."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import Since, Until, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.models import ModelName
from fleet_server.commands.output import Answer
from fleet_server.times import as_ms, parse_time

app = group("Comparisons of a model's windows.")

COLUMNS = (
    "name",
    "role",
    "a.mean",
    "b.mean",
    "difference.mean_shift_sd",
    "difference.sd_ratio",
    "difference.missing_share_shift",
    "difference.population_stability_index",
    "difference.stability_index_of_equals",
    "difference.jensen_shannon_distance",
    "difference.wasserstein_distance",
)

PLOTS = (".svg", ".png")

Plot = Annotated[Path | None, typer.Option(help="Draw it into this file, .svg or .png.")]
Device = Annotated[list[str] | None, typer.Option("--device", help="Of this device; may be repeated.")]
Version = Annotated[str | None, typer.Option(help="Of this version.")]


@command(app, "devices")
def compare_devices(  # noqa: PLR0913, PLR0917  (each is an option)
    client: FleetClient,
    model: ModelName,
    a: Annotated[str, typer.Argument(help="The device to compare with.")],
    b: Annotated[str, typer.Argument(help="The device that is compared.")],
    version: Version = None,
    since: Since = None,
    until: Until = None,
    plot: Plot = None,
) -> Answer:
    """Compare device B with device A."""
    shared = {"version": version, "since_ms": as_ms(since), "until_ms": as_ms(until)}
    return _compare(client, model, {"device": a, **shared}, {"device": b, **shared}, names=(a, b), plot=plot)


@command(app, "versions")
def compare_versions(  # noqa: PLR0913, PLR0917  (each is an option)
    client: FleetClient,
    model: ModelName,
    a: Annotated[str, typer.Argument(help="The version to compare with.")],
    b: Annotated[str, typer.Argument(help="The version that is compared.")],
    device: Device = None,
    since: Since = None,
    until: Until = None,
    plot: Plot = None,
) -> Answer:
    """Compare version B with version A, on whichever devices had them."""
    shared = {"device": device, "since_ms": as_ms(since), "until_ms": as_ms(until)}
    names = (f"version {a}", f"version {b}")
    return _compare(client, model, {"version": a, **shared}, {"version": b, **shared}, names=names, plot=plot)


@command(app, "periods")
def compare_periods(  # noqa: PLR0913, PLR0917  (each is an option)
    client: FleetClient,
    model: ModelName,
    a: Annotated[str, typer.Argument(help="The period to compare with, as 2026-01-01..2026-01-08; UTC.")],
    b: Annotated[str, typer.Argument(help="The period that is compared.")],
    device: Device = None,
    version: Version = None,
    plot: Plot = None,
) -> Answer:
    """Compare period B with period A; a window belongs to where it starts."""
    shared = {"device": device, "version": version}
    sides = [{**shared, **parse_period(text)} for text in (a, b)]
    return _compare(client, model, *sides, names=(a, b), plot=plot)


def parse_period(text: str) -> dict[str, int]:
    """Read a period, ``START..END`` in ISO 8601; the end is not part of it.

    Raises:
        UsageError: It is none, or ends before it starts.
    """
    start, _, end = text.partition("..")
    try:
        since, until = (as_ms(parse_time(part)) for part in (start, end))
    except typer.BadParameter:
        raise UsageError(f"{text!r} is no period: write it as 2026-01-01..2026-01-08") from None
    if since is None or until is None or since >= until:
        raise UsageError(f"the period {text!r} ends before it starts")
    return {"since_ms": since, "until_ms": until}


def _compare(  # noqa: PLR0913  (both sides, and how to show them)
    client: FleetClient, model: str, a: dict[str, Any], b: dict[str, Any], *, names: tuple[str, str], plot: Path | None
) -> Answer:
    if plot is not None and plot.suffix not in PLOTS:
        raise UsageError(f"{plot} is neither .svg nor .png")
    sides = {f"{side}_{name}": value for side, given in (("a", a), ("b", b)) for name, value in given.items()}
    body = client.get(api("models", model, "comparison"), **sides)
    if plot is not None:
        _draw(body, names, plot)
    note = f"a: {names[0]}, {body['rows_a']} rows; b: {names[1]}, {body['rows_b']} rows"
    return Answer({**body, "items": body["streams"]}, COLUMNS, note=note)


def _draw(body: dict[str, Any], names: tuple[str, str], path: Path) -> None:
    from fleet_server.commands.comparison_plot import draw  # noqa: PLC0415  (Matplotlib is slow to import)

    try:
        draw(body, names).savefig(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
