"""Webhooks: JSON by POST, signed.

The receiver checks ``Leeway-Signature: sha256=<hex>``: HMAC-SHA256 of the body with the
webhook's secret.
"""

import hashlib
import hmac
import ssl
from functools import cache
from typing import Final

import httpx

from fleet_server.alerts.routing.addresses import InternalAddressError, refuse_internal
from fleet_server.alerts.routing.tables import DeliveryRow, ReceiverRow

TIMEOUT_S: Final = 5.0
SIGNATURE_HEADER: Final = "Leeway-Signature"


def sign(secret: str, body: bytes) -> str:
    """Return the value of the signature header.

    Source: RFC 2104.
    """
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@cache
def _authorities() -> ssl.SSLContext:
    """Return whom HTTPS is believed; reading them takes longer than a delivery."""
    return httpx.create_ssl_context(trust_env=False)


class WebhookChannel:
    """Posts to webhooks.

    Args:
        allow_internal: Whether an address may be in a private network.
        timeout_s: Longest time to wait for an address.
    """

    def __init__(self, *, allow_internal: bool, timeout_s: float = TIMEOUT_S) -> None:
        self._extensions = {} if allow_internal else {"trace": refuse_internal}
        self._timeout_s = timeout_s

    def send(self, receiver: ReceiverRow, delivery: DeliveryRow) -> str:
        """Post one delivery; return what went wrong, nothing if it arrived."""
        headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(receiver.secret, delivery.body)}
        try:
            # a proxy of the environment would hide which address it connects to
            with (
                httpx.Client(
                    verify=_authorities(), timeout=self._timeout_s, follow_redirects=False, trust_env=False
                ) as client,
                # the status says all: a body is not read, which may be as long, and as slow, as its sender likes
                client.stream(
                    "POST", receiver.address, content=delivery.body, headers=headers, extensions=self._extensions
                ) as answer,
            ):
                return "" if answer.is_success else f"HTTP status {answer.status_code}"
        except (httpx.HTTPError, httpx.InvalidURL, InternalAddressError) as error:
            return f"{type(error).__name__}: {error}"
