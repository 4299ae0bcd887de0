"""The operator's side of the REST interface: one verb a method, one error a family."""

import ssl
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from fleet_server.commands.connection import Connection
from fleet_server.commands.errors import ServerFailureError, UnreachableError, UsageError, from_status

TIMEOUT_S = 30.0
UPLOAD_TIMEOUT_S = 600.0
MAX_PAGE_ITEMS = 500  # the server's own limit for one page


class Body(dict[str, Any]):
    """A JSON object of an answer; where a field is missing, something else than a fleet server has answered."""

    def __missing__(self, name: str) -> Any:  # noqa: ANN401  (never returns)
        raise ServerFailureError(f"the answer has no {name!r}: this is no fleet server, or another version of it")


class FleetClient:
    """Speaks to one fleet server over TLS with one token.

    Args:
        connection: Where, as whom, and whose certificates to believe.

    Raises:
        UsageError: The CA file cannot be read.
    """

    def __init__(self, connection: Connection) -> None:
        self.server = connection.server
        self._http = httpx.Client(
            verify=_tls_context(connection),
            headers={"Authorization": f"Bearer {connection.token}", "Accept": "application/json"},
            timeout=TIMEOUT_S,
            trust_env=False,  # no proxy of the environment gets to see the token
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  (what a query string takes)
        """Read one resource; parameters that are None are left out."""
        return self._request("GET", path, parameters=parameters)

    def post(self, path: str, body: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  (as get)
        """Create something, or apply a verb to it."""
        return self._request("POST", path, parameters=parameters, json=body)

    def upload(self, path: str, content: bytes, media_type: str) -> dict[str, Any]:
        """Send a file; the server answers once all of it is stored."""
        headers = {"Content-Type": media_type}
        return self._request("POST", path, content=content, headers=headers, timeout=UPLOAD_TIMEOUT_S)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Give a resource exactly this content."""
        return self._request("PUT", path, json=body)

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change part of a resource."""
        return self._request("PATCH", path, json=body)

    def delete(self, path: str) -> dict[str, Any]:
        """Delete a resource."""
        return self._request("DELETE", path)

    def download(self, path: str, file: Path, **parameters: Any) -> int:  # noqa: ANN401  (as get)
        """Write what a resource holds into a file; return its length in bytes."""
        with closing(self._send("GET", path, parameters=parameters, stream=True)) as response:
            try:
                with file.open("wb") as output:
                    return sum(output.write(chunk) for chunk in response.iter_bytes())
            except OSError as error:
                raise UsageError(f"cannot write {file}: {error.strerror}") from error
            except httpx.RequestError as error:
                raise self._unreachable(error) from error

    def list(self, path: str, *, limit: int | None, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401  (as get)
        """Read a list page by page.

        Args:
            path: The list's path.
            limit: How many items at most; None reads all.
            parameters: Filters of the list.

        Returns:
            ``{"items": [...], "next_cursor": str | None}``, as one page of the server looks.
        """
        items: list[Any] = []
        cursor: str | None = None
        while True:
            wanted = MAX_PAGE_ITEMS if limit is None else min(limit - len(items), MAX_PAGE_ITEMS)
            page = self.get(path, limit=wanted, cursor=cursor, **parameters)
            if not isinstance(page["items"], list):
                raise self._strange()
            items += page["items"]
            cursor = page.get("next_cursor")
            if cursor is None or (limit is not None and len(items) >= limit):
                return {"items": items, "next_cursor": cursor}

    def _request(
        self,
        method: str,
        path: str,
        *,
        parameters: dict[str, Any] | None = None,
        **body: Any,  # noqa: ANN401  (httpx's)
    ) -> dict[str, Any]:
        return self._read_body(self._send(method, path, parameters=parameters, body=body))

    def _send(
        self,
        method: str,
        path: str,
        *,
        parameters: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        stream: bool = False,
    ) -> httpx.Response:
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        try:
            request = self._http.build_request(method, self.server + path, params=given, **(body or {}))
            response = self._http.send(request, stream=stream)
        except httpx.InvalidURL as error:
            raise UsageError(f"{self.server} is not an address: {error}") from error
        except httpx.RequestError as error:
            raise self._unreachable(error) from error
        except ValueError as error:  # JSON has no NaN and no infinity
            raise UsageError("every number must be finite") from error
        if not response.is_success:
            response.read()
            raise from_status(response.status_code, _problem_line(response))
        return response

    def _read_body(self, response: httpx.Response) -> dict[str, Any]:
        if not response.content:
            return {}
        try:
            body = response.json(object_hook=Body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, Body):
            raise self._strange()
        return body

    def _strange(self) -> ServerFailureError:
        return ServerFailureError(f"{self.server} did not answer like a fleet server; check the address")

    def _unreachable(self, error: httpx.RequestError) -> UnreachableError:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return UnreachableError(
                f"the certificate of {self.server} is not signed by the given CA, or is for another name ({error}); "
                "give the fleet's CA with --ca or LEEWAY_CA"
            )
        if isinstance(error, httpx.TimeoutException):
            return UnreachableError(f"{self.server} did not answer within {TIMEOUT_S:.0f} s; try again, or see its log")
        return UnreachableError(f"cannot reach {self.server} ({error}); check the address and that the server runs")


def _tls_context(connection: Connection) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=connection.ca)
    except OSError as error:  # what holds no certificate is one too
        raise UsageError(f"cannot read the CA {connection.ca}: {error.strerror}; give a PEM file with --ca") from error


def _problem_line(response: httpx.Response) -> str:
    """Say an error answer in one line: ``title: detail`` of a problem (RFC 9457)."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = None
    if not isinstance(problem, dict) or "title" not in problem:
        return f"the server answered {response.status_code} {response.reason_phrase}"
    title, detail = problem["title"], problem.get("detail")
    # The detail of a path that the server does not have is the title again.
    return f"{title}: {response.request.url.path if detail in {None, title} else detail}"


def api(*parts: str) -> str:
    """Return the path of a resource; ids become path segments whatever they hold.

    Raises:
        UsageError: One is empty, which would be the path of another resource.
    """
    if not all(parts):
        raise UsageError("an argument is empty: give the name or the id that is meant")
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)
