"""What the demo saw: read back from the REST API, judged, and shown."""

from collections.abc import Callable
from typing import Literal

from rich.table import Table

from examples.wind_turbines.fleet import Json

Get = Callable[[str], Json]


def read_result(get: Get, device_ids: list[str]) -> Json:
    """Read the state of devices, deployments and alerts from the server."""
    return {
        "devices": [_device(get, device_id) for device_id in device_ids],
        "deployments": [
            {key: deployment[key] for key in ("version", "state", "waves")}
            for deployment in get("/api/v1/deployments")["items"]
        ],
        "alerts": get("/api/v1/alerts")["items"],
    }


def shortcomings(result: Json, *, version: str, faulty_device: str, faulty_feature: str) -> list[str]:
    """Tell what the demo promises and the result does not show; empty when all was seen."""
    found = [problem for device in result["devices"] for problem in _device_problems(device, version)]
    for device in result["devices"]:
        own = device["drift"]["own"]
        expected = "drift" if device["device_id"] == faulty_device else "stable"
        if own["verdict"] != expected:
            found.append(f"{device['device_id']} is {own['verdict']} against its own past, expected {expected}")
        elif expected == "drift" and own["features"][:1] != [faulty_feature]:
            found.append(f"{device['device_id']} drifts in {own['features']}, expected {faulty_feature}")
    waves = {deployment["version"]: deployment["waves"] for deployment in result["deployments"]}
    if len(waves.get(version, [])) != 2:  # noqa: PLR2004  (the demo's own plan: two waves)
        found.append(f"version {version} did not come in two waves")
    found += [f"version {d['version']} is {d['state']}" for d in result["deployments"] if d["state"] != "finished"]
    if not any(alert["device_id"] == faulty_device and alert["kind"] == "own" for alert in result["alerts"]):
        found.append(f"no alert tells of {faulty_device}")
    return found


def result_table(result: Json) -> Table:
    """Lay the devices out as a table."""
    table = Table(title="Four turbines, one broken sensor", title_justify="left", box=None, padding=(0, 1, 0, 0))
    for heading in ("device", "version", "rows", "reports", "against\ntraining", "against\nown past"):
        justify: Literal["left", "right"] = "right" if heading in ("rows", "reports") else "left"
        table.add_column(heading, justify=justify, no_wrap=True)
    for device in result["devices"]:
        table.add_row(
            device["device_id"],
            device["active_version"],
            f"{device['rows_scored']:,}",
            f"{device['reports_ingested']:,}",
            _verdict(device["drift"]["training"]),
            _verdict(device["drift"]["own"]),
        )
    return table


def _device(get: Get, device_id: str) -> Json:
    device = get(f"/api/v1/devices/{device_id}")
    telemetry = get(f"/api/v1/devices/{device_id}/telemetry")
    drift = get(f"/api/v1/devices/{device_id}/drift")
    champions = [slot["version"] for slot in device["slots"] if slot["slot"] == "champion"]
    return {
        "device_id": device_id,
        "active_version": champions[0] if champions else None,
        "rows_scored": telemetry["rows_scored"],
        "reports_ingested": telemetry["reports_ingested"],
        "drift": {
            kind: {name: drift[kind][name] for name in ("verdict", "features", "cause", "sentence")}
            for kind in ("training", "own", "peers", "fleet")
        },
    }


def _device_problems(device: Json, version: str) -> list[str]:
    name = device["device_id"]
    problems = []
    if device["active_version"] != version:
        problems.append(f"{name} runs version {device['active_version']}, expected {version}")
    if not device["rows_scored"] or not device["reports_ingested"]:
        problems.append(f"{name} reported nothing")
    if device["drift"]["training"]["verdict"] not in ("stable", "drift"):
        problems.append(f"{name} has no verdict against training")
    return problems


def _verdict(drift: Json) -> str:
    if drift["verdict"] != "drift":
        return str(drift["verdict"])
    return "\n".join(["[bold]drift in[/bold]", *drift["features"]])
