"""The errors of the fleet server: each is an HTTP status, a stable code and one clear line."""


class FleetError(Exception):
    """A request cannot be answered as asked.

    Attributes:
        status: HTTP status.
        code: Stable word for programs, in the problem's ``code`` member.
        title: The kind of problem, in words.
        detail: What is wrong with this request, and what to do.
    """

    status = 500
    code = "internal"
    title = "The server failed"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class NotFoundError(FleetError):
    """There is no such thing."""

    status, code, title = 404, "not_found", "Not found"


class ConflictError(FleetError):
    """The request contradicts what is stored."""

    status, code, title = 409, "conflict", "Conflict"


class InvalidRequestError(FleetError):
    """The request is malformed or not allowed by the rules."""

    status, code, title = 422, "invalid_request", "Invalid request"


class UnauthenticatedError(FleetError):
    """No token, or one that is wrong or expired."""

    status, code, title = 401, "unauthenticated", "A valid token is needed"


class ForbiddenError(FleetError):
    """The token's role does not allow it."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotAcceptableError(FleetError):
    """No representation that the server has is one that the client takes."""

    status, code, title = 406, "not_acceptable", "No such representation"


class TooLargeError(FleetError):
    """The body is larger than the limit."""

    status, code, title = 413, "too_large", "Too large"


class UnavailableError(FleetError):
    """A part that the request needs is out of order for the moment."""

    status, code, title = 503, "unavailable", "Unavailable"


class StartError(Exception):
    """The server cannot be set up or started; the message says why and what to do."""

    exit_code = 1


class QuestionError(StartError):
    """What the archive is asked contradicts itself, lacks something, or has a name that no question has."""

    exit_code = 2
