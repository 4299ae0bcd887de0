"""What every route shares: problem+json (RFC 9457), pages, and a cap on bodies."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final, Generic, Self, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleet_server.errors import ConflictError, FleetError, InvalidRequestError, TooLargeError, UnavailableError
from fleet_server.validation import VISIBLE, faults_in_words

_logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 1 << 20
MAX_LIMIT: Final = 500
PROBLEM: Final = "application/problem+json"
CHALLENGES: Final = ('Basic realm="leeway"', "Bearer")
"""Each in a header line of its own: Chromium reads the first of a line only, and would ask for no password."""

ItemT = TypeVar("ItemT")

RoleCheck = Callable[..., object]
"""A dependency that refuses who may not; made by ``AuthService.require``."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items in this page.")]
Cursor = Annotated[str | None, Query(max_length=256, pattern=VISIBLE, description="`next_cursor` of the page before.")]


class Page(BaseModel, Generic[ItemT]):
    """A part of a list; `next_cursor` asks for the part that follows."""

    items: list[ItemT]
    next_cursor: str | None = None

    @classmethod
    def cut(cls, items: list[ItemT], limit: int, cursor: Callable[[ItemT], str]) -> Self:
        """Make a page of a list that was fetched one longer than the limit, to see whether more follows.

        Args:
            items: At most ``limit + 1`` items.
            limit: Most items in the page.
            cursor: Gives the cursor that continues after an item.
        """
        page = items[:limit]
        return cls(items=page, next_cursor=cursor(page[-1]) if len(items) > limit else None)


def parse_ordinal(cursor: str | None) -> int | None:
    """Read the cursor of a list that is in the order of a number.

    Raises:
        InvalidRequestError: It is no number that a database holds.
    """
    return None if cursor is None else parse_number(cursor)


def parse_number(text: str) -> int:
    """Read a number out of a cursor; the errors are those of ``parse_ordinal``."""
    if not (text.isascii() and text.isdigit() and len(text) < len(str(2**63))):
        raise InvalidRequestError("cursor: not one that this list gave")
    return int(text)


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


def install(app: FastAPI) -> None:
    """Make the application answer every error as problem+json."""
    app.add_exception_handler(FleetError, _answer_fleet_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(IntegrityError, _answer_clash)
    for out_of_order in (OSError, OperationalError, NoConnectionError):
        app.add_exception_handler(out_of_order, _answer_unavailable)
    app.add_exception_handler(Exception, _answer_failure)


def problem(status: int, code: str, title: str, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Build a problem answer."""
    body = Problem(title=title, status=status, detail=detail, code=code).model_dump()
    return JSONResponse(body, status, headers, media_type=PROBLEM)


async def _answer_fleet_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FleetError)  # noqa: S101  (registered for this class)
    answer = problem(error.status, error.code, error.title, error.detail)
    if error.status == HTTPStatus.UNAUTHORIZED:
        for challenge in CHALLENGES:
            answer.headers.append("WWW-Authenticate", challenge)
    return answer


async def _answer_http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class)
    phrase = HTTPStatus(error.status_code).phrase
    return problem(
        error.status_code, phrase.lower().replace(" ", "_"), phrase, str(error.detail), dict(error.headers or {})
    )


async def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for this class)
    detail = faults_in_words(error.errors())
    return problem(InvalidRequestError.status, InvalidRequestError.code, InvalidRequestError.title, detail)


async def _answer_clash(request: Request, error: Exception) -> JSONResponse:
    # routes look for what is there before they write; PostgreSQL lets two of them look at the same moment
    _logger.info("%s %s: somebody was faster: %s", request.method, request.url.path, error)
    detail = "Somebody else has changed the same at the same moment; look, and try again."
    return problem(ConflictError.status, "changed_meanwhile", ConflictError.title, detail)


async def _answer_unavailable(request: Request, error: Exception) -> JSONResponse:
    _logger.error("%s %s: the disk or the database is out of order: %s", request.method, request.url.path, error)
    detail = "The server's disk is full, or its database is away; try again. Its log says more."
    return problem(UnavailableError.status, "storage_unavailable", UnavailableError.title, detail)


async def _answer_failure(request: Request, error: Exception) -> JSONResponse:
    _logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, FleetError.code, FleetError.title, "The server failed; its log says why.")


class BodyLimit:
    """ASGI middleware: refuses a body that is larger than the limit of its path.

    A declared length is refused before a byte is read, an undeclared one where it
    crosses the limit.

    Args:
        app: The application within.
        uploads: Limit for each last part of a path to which files are posted; everything
            else has ``MAX_BODY_BYTES``.
    """

    def __init__(self, app: ASGIApp, *, uploads: Mapping[str, int]) -> None:
        self._app = app
        self._uploads = uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        posted_to = scope["path"].rpartition("/")[2] if scope["method"] == "POST" else ""
        capped = _CappedBody(self._uploads.get(posted_to, MAX_BODY_BYTES), receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > capped.limit_bytes:
            await capped.refuse(scope)
            return
        await self._app(scope, capped.receive, partial(capped.send, scope))


class _CappedBody:
    """Counts what is received; once it is too much, the answer becomes a refusal."""

    def __init__(self, limit_bytes: int, receive: Receive, send: Send) -> None:
        self.limit_bytes = limit_bytes
        self._receive = receive
        self._send = send
        self._received_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        if self._is_exceeded:
            raise self._error()
        return message

    async def send(self, scope: Scope, message: Message) -> None:
        # FastAPI turns what is raised while it reads a body into an answer of its own: 400.
        if not self._is_exceeded:
            await self._send(message)
        elif message["type"] == "http.response.start":
            await self.refuse(scope)

    async def refuse(self, scope: Scope) -> None:
        error = self._error()
        await problem(error.status, error.code, error.title, error.detail)(scope, self._receive, self._send)

    @property
    def _is_exceeded(self) -> bool:
        return self._received_bytes > self.limit_bytes

    def _error(self) -> TooLargeError:
        return TooLargeError(f"the body is larger than {self.limit_bytes} bytes")
