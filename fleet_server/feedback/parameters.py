"""What routes of this room are asked with: which model, and which of its windows or rows."""

from typing import Annotated

from fastapi import Depends, Path, Query

from device_contract.names import DEVICE_ID_PATTERN, NAME_PATTERN
from fleet_server.bundles.service import BundleService
from fleet_server.devices.service import DeviceService
from fleet_server.feedback.selection import Selection

Model = Annotated[str, Path(pattern=NAME_PATTERN, description="A model's name.")]


PathDevice = Annotated[str, Path(pattern=DEVICE_ID_PATTERN, description="A device's id.")]
PathVersion = Annotated[str, Path(pattern=NAME_PATTERN, description="One of its versions.")]
Version = Annotated[str | None, Query(pattern=NAME_PATTERN, description="Of this version only.")]
DeviceId = Annotated[str | None, Query(pattern=DEVICE_ID_PATTERN, description="Of this device only.")]
Since = Annotated[int | None, Query(ge=0, le=2**53, description="From this event time on, Unix milliseconds.")]
Until = Annotated[int | None, Query(ge=0, le=2**53, description="Before this event time, Unix milliseconds.")]


def _select(
    model: Model, version: Version = None, device_id: DeviceId = None, since_ms: Since = None, until_ms: Until = None
) -> Selection:
    return Selection(model=model, version=version, device_id=device_id, since_ms=since_ms, until_ms=until_ms)


Selected = Annotated[Selection, Depends(_select)]
"""A route's argument: what its query selects."""


class Existing:
    """Knows what there is, so that a wrong name does not look like an empty list.

    Args:
        bundles: The models and their versions.
        devices: The devices.
    """

    def __init__(self, bundles: BundleService, devices: DeviceService) -> None:
        self._bundles = bundles
        self._devices = devices

    def check(self, selection: Selection) -> None:
        """See that what is asked for can exist.

        Raises:
            NotFoundError: No such model, version or device.
        """
        self._bundles.check(selection.model, selection.version)
        if selection.device_id is not None:
            self._devices.get(selection.device_id)
