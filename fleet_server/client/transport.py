"""One server's REST interface as rows and tables; pages are followed, problems raised."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pyarrow as pa

from fleet_server.client.errors import BrokenAnswerError, ClientError, RefusedError, UnreachableError

TIMEOUT_S: Final = 60.0
"""For a connection and for each pause within an answer, not for the whole of it."""

PAGE_ITEMS: Final = 500
"""The server's own limit for one page."""

ARROW: Final = "application/vnd.apache.arrow.stream"
JSON: Final = "application/json"


class Transport:
    """Speaks to one server over TLS with one token.

    Args:
        url: ``https://host:port``.
        token: An API token.
        ca: PEM file of the fleet's CA; None believes the system's.

    Raises:
        ClientError: The address is not https, or the CA file cannot be read.
    """

    def __init__(self, url: str, token: str, ca: str | Path | None) -> None:
        if not url.startswith("https://"):  # a token that has crossed the network in the clear is none any more
            raise ClientError(f"{url!r} is not an https address")
        self._url = url.rstrip("/")
        self._http = httpx.Client(
            verify=_tls_context(ca),
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,  # no proxy of the environment gets to see the token
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def table(self, path: str, **parameters: Any) -> pa.Table:  # noqa: ANN401  (what a query string takes)
        """Read a table, whole; parameters that are None are left out.

        Raises:
            ClientError: It cannot be read.
        """
        answer = self._get(path, ARROW, parameters)
        try:
            return pa.ipc.open_stream(answer.content).read_all()
        except pa.ArrowInvalid as error:
            raise BrokenAnswerError(f"{self._url} answered with no table; is it a fleet server?") from error

    def record(self, path: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  (as table)
        """Read one JSON object.

        Raises:
            ClientError: It cannot be read.
        """
        answer = self._get(path, JSON, parameters)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise BrokenAnswerError(f"{self._url} did not answer like a fleet server; check the address")
        return body

    def rows(self, path: str, **parameters: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  (as table)
        """Read a JSON list, page by page.

        Raises:
            ClientError: It cannot be read.
        """
        cursor: str | None = None
        while True:
            page = self.record(path, limit=PAGE_ITEMS, cursor=cursor, **parameters)
            yield from page.get("items", [])
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def _get(self, path: str, media_type: str, parameters: Mapping[str, Any]) -> httpx.Response:
        given = {name: value for name, value in parameters.items() if value is not None}
        try:
            answer = self._http.get(self._url + path, params=given, headers={"Accept": media_type})
        except httpx.RemoteProtocolError as error:
            raise BrokenAnswerError(f"the answer of {self._url} ended early ({error}); its log says why") from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise _unreachable(self._url, error) from error
        if not answer.is_success:
            raise _refused(answer)
        return answer


def _tls_context(ca: str | Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # what holds no certificate is one too
        raise ClientError(f"cannot read the CA {ca}: {error.strerror}") from error


def _unreachable(url: str, error: Exception) -> UnreachableError:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UnreachableError(f"the certificate of {url} is not signed by the given CA, or is for another name")
    if isinstance(error, httpx.TimeoutException):
        return UnreachableError(f"{url} was silent for {TIMEOUT_S:.0f} s; try again, or ask for less")
    return UnreachableError(f"cannot reach {url} ({error}); check the address and that the server runs")


def _refused(answer: httpx.Response) -> RefusedError:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict) or "title" not in problem:
        problem = {"title": f"the server answered {answer.status_code} {answer.reason_phrase}"}
    parts = [str(problem[name]) for name in ("title", "detail") if problem.get(name)]
    return RefusedError(": ".join(parts), status=answer.status_code, code=str(problem.get("code", "")))
