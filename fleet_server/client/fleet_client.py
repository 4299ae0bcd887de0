"""The questions that can be put to a fleet, each answered by a frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import pyarrow as pa

from fleet_server.client import schemas
from fleet_server.client.errors import ClientError
from fleet_server.client.tables import alarmed_rows, table_of, timed, verdict_rows
from fleet_server.client.times import Time, as_ms
from fleet_server.client.transport import PAGE_ITEMS, Transport

Frame = Any
"""A ``pandas.DataFrame``, or a ``pyarrow.Table`` if the client was made for Arrow."""


class FleetClient:
    """Reads a fleet.

    Every method gives one frame with all rows, however many; one without rows has the same
    columns. Times are columns of type timestamp in UTC; what is not defined, such as the mean of no values, is missing.

    Args:
        url: The server, ``https://host:port``.
        token: An API token; the role ``viewer`` is enough.
        ca: PEM file of the fleet's CA, ``ca/ca.crt`` of the server's data folder; None believes the system's.
        frames: The kind of frame.

    Raises:
        ClientError: The address is not https, the CA file cannot be read, or frames are of no such kind. Every method
            raises it where its question cannot be answered.
    """

    def __init__(
        self, url: str, token: str, ca: str | Path | None = None, *, frames: Literal["pandas", "arrow"] = "pandas"
    ) -> None:
        if frames not in {"pandas", "arrow"}:
            raise ClientError(f"{frames!r} is no kind of frame: 'pandas' or 'arrow'")
        self._transport = Transport(url, token, ca)
        self._frames = frames

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def devices(self) -> Frame:
        """Return a row for each device: its state, labels and what it last reported."""
        return self._frame(table_of(schemas.DEVICES, self._transport.rows(_api("devices"))))

    def models(self) -> Frame:
        """Return a row for each model."""
        return self._frame(table_of(schemas.MODELS, self._transport.rows(_api("models"))))

    def windows(  # noqa: PLR0913  (each narrows the question)
        self,
        model: str,
        *,
        devices: Sequence[str] = (),
        features: Sequence[str] = (),
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return the statistics of a model's windows: devices by streams by windows, a row for each.

        Args:
            model: The model.
            devices: These alone; empty means all.
            features: These features and outputs alone; empty means all.
            version: This version alone.
            since: Windows that start here or later.
            until: Windows that start before.
        """
        narrowed = _narrowed(devices, features, version, since, until)
        return self._frame(self._transport.table(_api("models", model, "windows"), **narrowed))

    def histograms(  # noqa: PLR0913  (as windows)
        self,
        model: str,
        *,
        devices: Sequence[str] = (),
        features: Sequence[str] = (),
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return the counts of the same windows: a row for each bin, with training's share beside it."""
        narrowed = _narrowed(devices, features, version, since, until)
        return self._frame(self._transport.table(_api("models", model, "histograms"), **narrowed))

    def reports(
        self,
        model: str,
        *,
        devices: Sequence[str] = (),
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return what windows say beside their streams: latency, T² and Q, resources, metrics; a row for each."""
        narrowed = _narrowed(devices, (), version, since, until)
        return self._frame(self._transport.table(_api("models", model, "reports"), **narrowed))

    def compare(self, model: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Frame:
        """Compare one part of a model's windows with another: a row for each stream, columns ``_a`` and ``_b``.

        Args:
            model: The model.
            a: What is compared with: any of ``device`` (one or several), ``version``, ``since`` and ``until``.
            b: The same of the other side; an empty mapping means all windows.
        """
        sides = {**_side("a", a), **_side("b", b)}
        return self._frame(self._transport.table(_api("models", model, "comparison"), **sides))

    def verdicts(self, model: str | None = None) -> Frame:
        """Return the present verdicts: a row for each device and comparison, with severity, cause and sentence.

        Args:
            model: Of this model alone; else of the model that each device scored last.
        """
        return self._frame(table_of(schemas.VERDICTS, verdict_rows(self._transport.rows(_api("drift"), model=model))))

    def verdict_changes(self, model: str | None = None, *, device: str | None = None) -> Frame:
        """Return how verdicts changed: a row for each change, the last first; ``drift`` has the figures."""
        rows = self._transport.rows(_api("drift", "changes"), model=model, device_id=device)
        return self._frame(table_of(schemas.VERDICT_CHANGES, rows))

    def drift(  # noqa: PLR0913  (as windows)
        self,
        model: str,
        *,
        devices: Sequence[str] = (),
        features: Sequence[str] = (),
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return how each stream of each window was judged: severity by comparison, differences, effect sizes."""
        narrowed = _narrowed(devices, features, version, since, until)
        return self._frame(self._transport.table(_api("models", model, "drift"), **narrowed))

    def sign_off(
        self, model: str, *, against: str = "own", false_discovery_rate: float = 0.05, at: Time | None = None
    ) -> Frame:
        """Look once at the last judged window: return a row for each finding that is more than chance.

        Args:
            model: The model.
            against: ``own``, ``peers`` or ``training``.
            false_discovery_rate: Share of the findings that may be chance.
            at: The last window that starts here or earlier.
        """
        asked = {"against": against, "false_discovery_rate": false_discovery_rate, "at_ms": as_ms(at)}
        return self._frame(self._transport.table(_api("models", model, "drift", "sign-off"), **asked))

    def alarmed_rows(self, device: str, *, against: str = "own") -> Frame:
        """Return the sampled rows behind a verdict that drifts: a row for each and each drifting stream.

        The furthest from training come first, at most 500; the role ``ml_engineer`` is needed.

        Args:
            device: The device.
            against: The comparison: ``own``, ``peers``, ``training`` or ``fleet``.
        """
        found = self._transport.record(_api("devices", device, "drift", "rows"), kind=against, limit=PAGE_ITEMS)
        return self._frame(table_of(schemas.ALARMED_ROWS, alarmed_rows(found)))

    def feedback(
        self,
        model: str,
        *,
        device: str | None = None,
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return the labels that came: a row for each, with its prediction, and why it is not counted if it is not."""
        narrowed = _of_one(device, version, since, until)
        return self._frame(self._transport.table(_api("models", model, "feedback"), **narrowed))

    def performance(  # noqa: PLR0913  (as windows)
        self,
        model: str,
        *,
        by: str = "version",
        label: str | None = None,
        device: str | None = None,
        version: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> Frame:
        """Return how well versions do, by labels and estimated without: a row for each figure, with its interval.

        Args:
            model: The model.
            by: ``version``, ``device``, ``segment`` or ``window``.
            label: For segments: the device label whose values make them.
            device: This device alone.
            version: This version alone.
            since: Windows that start here or later.
            until: Windows that start before.
        """
        narrowed = {"by": by, "label": label, **_of_one(device, version, since, until)}
        return self._frame(self._transport.table(_api("models", model, "performance"), **narrowed))

    def _frame(self, table: pa.Table) -> Frame:
        found = timed(table)
        return found if self._frames == "arrow" else found.to_pandas(maps_as_pydicts="strict")


def _api(*parts: str) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _narrowed(
    devices: Sequence[str], features: Sequence[str], version: str | None, since: Time | None, until: Time | None
) -> dict[str, Any]:
    return {
        "device": list(devices) or None,
        "feature": list(features) or None,
        "version": version,
        "since_ms": as_ms(since),
        "until_ms": as_ms(until),
    }


def _of_one(device: str | None, version: str | None, since: Time | None, until: Time | None) -> dict[str, Any]:
    return {"device_id": device, "version": version, "since_ms": as_ms(since), "until_ms": as_ms(until)}


def _side(name: str, narrowed: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(narrowed) - {"device", "version", "since", "until"}
    if unknown:
        raise ClientError(f"a side has a device, a version, since and until, but no {min(unknown)!r}")
    return {
        f"{name}_device": narrowed.get("device"),
        f"{name}_version": narrowed.get("version"),
        f"{name}_since_ms": as_ms(narrowed.get("since")),
        f"{name}_until_ms": as_ms(narrowed.get("until")),
    }
