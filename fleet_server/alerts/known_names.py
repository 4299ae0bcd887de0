"""Which names a rule or a silence may give: what is about nothing would look as if all were well.

A label is not asked for: it takes in the devices that will carry it later.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from fleet_server.bundles.service import BundleService
from fleet_server.devices.service import DeviceService
from fleet_server.errors import NotFoundError
from fleet_server.feedback.limits import MetricLimits


class KnownNames:
    """Knows which models, devices and features there are.

    Args:
        bundles: The models and their streams.
        devices: The devices.
        limits: The custom metrics that alerts name.
    """

    def __init__(self, bundles: BundleService, devices: DeviceService, limits: MetricLimits) -> None:
        self._bundles = bundles
        self._devices = devices
        self._limits = limits

    def check_scope(self, where: str, model: str | None, device_id: str | None) -> None:
        """See that a model and a device are there, those that are named.

        Args:
            where: What names them, for the error's line.
            model: Its model.
            device_id: Its device; one that was revoked is known still.

        Raises:
            NotFoundError: One of them is not.
        """
        if model is not None:
            with named_in(where, "`leeway-fleet models list` shows what there is"):
                self._bundles.model(model)
        if device_id is not None:
            with named_in(where, "name a device that has enrolled, or a label for those that will"):
                self._devices.get(device_id)

    def check_feature(self, where: str, feature: str, model: str | None) -> None:
        """See that an alert can name a feature: a stream of the model, or a custom metric with limits.

        Args:
            where: What names it, for the error's line.
            feature: Its feature.
            model: Its model, which is there; None: any.

        Raises:
            NotFoundError: No alert can.
        """
        if feature in self._bundles.streams(model) or feature in self._limits.metrics(model):
            return
        of = f"model {model!r}" if model is not None else "any model"
        raise NotFoundError(
            f"{where}: no feature, output or limited metric {feature[:80]!r} of {of};"
            " `leeway-fleet models show MODEL VERSION` shows what there is"
        )


@contextmanager
def named_in(where: str, remedy: str) -> Iterator[None]:
    """Say of a name that is not there also where it was given, and what to do."""
    try:
        yield
    except NotFoundError as error:
        raise NotFoundError(f"{where}: {error.detail}; {remedy}") from error
