"""Which addresses a webhook may have.

A server inside a plant reaches machines that the person who adds a webhook may not reach:
an address of the plant's own network makes the server speak to them in that person's stead.
So internal addresses are refused, unless the setting ``internal_webhooks`` allows them. What
counts is the address that a connection was made to, whatever a name meant before; an address
that is internal as it is written is refused at once.
"""

import ipaddress
from typing import Final

import httpx

from fleet_server.errors import InvalidRequestError

MAX_URL_CHARACTERS: Final = 2048


class InternalAddressError(Exception):
    """A connection was made to an internal address, and is given up before anything is sent."""


def is_internal(address: str) -> bool:
    """Tell whether an IP address is in a private, local or otherwise not public network."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return not (mapped or parsed).is_global or parsed.is_multicast


def check_url(url: str, *, allow_internal: bool) -> None:
    """Check the address of a webhook.

    Raises:
        InvalidRequestError: It is not an http or https one, or it is internal and that is not allowed.
    """
    try:
        parsed = httpx.URL(url)
        parsed.raw_host.decode().encode("idna")  # as resolvers do: each part of a name has 1 to 63 characters
    except (httpx.InvalidURL, UnicodeError) as error:
        raise InvalidRequestError(f"address: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host or len(url) > MAX_URL_CHARACTERS:
        raise InvalidRequestError(
            f"address: an http or https address of at most {MAX_URL_CHARACTERS} characters is needed"
        )
    if not allow_internal and _names_internal(parsed.host):
        raise InvalidRequestError(
            f"address: {parsed.host} is in an internal network; the setting internal_webhooks allows those",
            code="internal_address",
        )


def refuse_internal(event: str, info: dict[str, object]) -> None:
    """Give a connection up when it was made to an internal address: httpcore's ``trace`` of a request.

    Raises:
        InternalAddressError: It was.
    """
    if event != "connection.connect_tcp.complete":
        return
    stream = info["return_value"]
    address = stream.get_extra_info("server_addr")[0]  # type: ignore[attr-defined]  # a httpcore.NetworkStream
    if is_internal(address):
        stream.close()  # type: ignore[attr-defined]  # as above
        raise InternalAddressError(f"{address} is an internal address, and the setting internal_webhooks is false")


def _names_internal(host: str) -> bool:
    """Tell whether a host is itself an internal address; what a name means is told by the connection."""
    try:
        return is_internal(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761
