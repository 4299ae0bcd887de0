"""``leeway-fleet performance``: how versions do, by labels and without them; limits of custom metrics."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from fleet_server.commands.client import FleetClient, api
from fleet_server.commands.command import All, Limit, Since, Until, command, group
from fleet_server.commands.errors import UsageError
from fleet_server.commands.models import ModelName
from fleet_server.commands.output import Answer
from fleet_server.times import as_ms

app = group("Performance of versions, with intervals, and limits of custom metrics.")

Metric = Annotated[str, typer.Argument(help="A custom metric's name.")]
Device = Annotated[str | None, typer.Option(help="Of this device only.")]

PLACE = ("version", "device_id", "segment", "window_start_ms")
LIMIT_COLUMNS = ("metric", "below", "above", "minimum_count")


class By(StrEnum):
    """What to group by, beside the version."""

    VERSION = "version"
    DEVICE = "device"
    SEGMENT = "segment"
    WINDOW = "window"


@command(app, "show")
def show_performance(  # noqa: PLR0913  (each is an option)
    client: FleetClient,
    model: ModelName,
    *,
    by: Annotated[By, typer.Option(help="What to group by, beside the version.")] = By.VERSION,
    label: Annotated[str | None, typer.Option(help="Key of the device label that makes segments.")] = None,
    version: Annotated[str | None, typer.Option(help="Of this version only.")] = None,
    device: Device = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    every: All = False,
) -> Answer:
    """Show each figure with its interval: from labels, estimated from scores, and custom metrics."""
    if by is By.SEGMENT and label is None:
        raise UsageError("--by segment needs --label: the key of the device label that makes segments")
    page = client.list(
        api("models", model, "performance"),
        limit=None if every else limit,
        by=by.value,
        label=label,
        version=version,
        device_id=device,
        since_ms=as_ms(since),
        until_ms=as_ms(until),
    )
    figures = [row for item in page["items"] for row in _figures(item)]
    silent = {item["expected"]["meaning"] for item in page["items"]}
    return Answer(page, record={"figures": figures}, note="\n".join(sorted(silent)))


@command(app, "report")
def show_report(  # noqa: PLR0913  (each is an option)
    client: FleetClient,
    model: ModelName,
    version: Annotated[str, typer.Argument(help="One of its versions.")],
    *,
    device: Device = None,
    since: Since = None,
    until: Until = None,
) -> Answer:
    """Show a version's confusion, classes, ROC curves and calibration."""
    period = {"device_id": device, "since_ms": as_ms(since), "until_ms": as_ms(until)}
    body = client.get(api("models", model, "versions", version, "performance"), **period)
    return Answer(body, record=record_of(body))


@command(app, "limits")
def list_limits(client: FleetClient, model: ModelName) -> Answer:
    """List the limits on a model's custom metrics."""
    return Answer(client.get(api("models", model, "metric-limits")), LIMIT_COLUMNS)


@command(app, "limit")
def set_limits(  # noqa: PLR0913  (each is a part of the limits)
    client: FleetClient,
    model: ModelName,
    metric: Metric,
    *,
    below: Annotated[float | None, typer.Option(help="A mean below this is too low.")] = None,
    above: Annotated[float | None, typer.Option(help="A mean above this is too high.")] = None,
    minimum_count: Annotated[int, typer.Option(min=1, help="With fewer values nothing is said.")] = 1,
) -> Answer:
    """Set the limits of a custom metric's mean."""
    body = {"below": below, "above": above, "minimum_count": minimum_count}
    return Answer(client.put(api("models", model, "metric-limits", metric), body))


@command(app, "unlimit")
def remove_limits(client: FleetClient, model: ModelName, metric: Metric) -> Answer:
    """Remove the limits of a custom metric."""
    body = client.delete(api("models", model, "metric-limits", metric))
    return Answer(body, line=f"{metric} has no limits any more")


def record_of(body: dict[str, Any]) -> dict[str, Any]:
    """Lay out a report: the confusion as a table with the classes' names, the curves by their areas."""
    labels = body["labels"]
    confusion = [
        {"label": label, **dict(zip((f"told {name}" for name in labels), row, strict=True))}
        for label, row in zip(labels, body["confusion"], strict=False)
    ]
    calibration = [
        {"mean_probability": mean, "share_of_hits": hits, "weight": weight}
        for mean, hits, weight in body["calibration"]
    ]
    return {
        **{name: body[name] for name in ("rows", "labelled", "unit")},
        "confusion": confusion,
        "classes": [_class(found) for found in body["classes"]],
        "calibration": calibration,
    }


def _class(found: dict[str, Any]) -> dict[str, Any]:
    figures = {name: found[name] for name in ("recall", "precision", "auc")}
    return {"label": found["label"]} | {name: figure and figure["value"] for name, figure in figures.items()}


def _figures(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    place = {name: item[name] for name in PLACE if item[name] is not None}
    metrics = {name: metric["mean"] | {"state": metric["state"]} for name, metric in item["metrics"].items()}
    counts = {"rows": item["rows"], "labelled": item["labelled"]}
    for source, figures in (("labels", item["figures"]), ("scores", item["expected"]["figures"]), ("metrics", metrics)):
        for name, figure in figures.items():
            yield place | counts | {"source": source, "figure": name} | figure
