"""What can go wrong for an operator's command: one clear line and an exit code for each family."""

from http import HTTPStatus


class CommandError(Exception):
    """A command did not do what was asked; the text is the line that the operator reads."""

    exit_code = 1


class UsageError(CommandError):
    """The command line is missing something or contradicts itself."""

    exit_code = 2


class UnreachableError(CommandError):
    """No trusted connection to the server: away, wrong address, wrong CA, too slow."""

    exit_code = 3


class UnauthorisedError(CommandError):
    """The server does not know the token, or it has expired (401)."""

    exit_code = 4


class ForbiddenError(CommandError):
    """The token's role does not allow the command (403)."""

    exit_code = 5


class NotFoundError(CommandError):
    """There is no such thing on the server (404)."""

    exit_code = 6


class ConflictError(CommandError):
    """What is there contradicts the command (409)."""

    exit_code = 7


class InvalidError(CommandError):
    """The server finds the request wrong (any other 4xx)."""

    exit_code = 8


class ServerFailureError(CommandError):
    """The server failed, or what answers is not a fleet server (5xx, no JSON)."""

    exit_code = 9


STATUS_ERRORS: dict[int, type[CommandError]] = {
    401: UnauthorisedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}
"""HTTP status to error, where the status alone makes a family."""


def from_status(status: int, line: str) -> CommandError:
    """Return the error for an HTTP status.

    Args:
        status: HTTP status, 300 to 599.
        line: What the server said: what is wrong and, where it knows, what to do.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        line = f"{line} (give the token with --token, LEEWAY_TOKEN or --data)"
    if status in STATUS_ERRORS:
        return STATUS_ERRORS[status](line)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return InvalidError(line)
    return ServerFailureError(line)
