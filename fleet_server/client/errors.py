"""What can go wrong for who asks a fleet server: one clear line, one class for each family."""


class ClientError(Exception):
    """A question was not answered; the text says why and, where it is known, what to do."""


class UnreachableError(ClientError):
    """No trusted connection: the server is away, or the address or the CA is wrong."""


class RefusedError(ClientError):
    """The server answered with a problem (RFC 9457).

    Attributes:
        status: HTTP status.
        code: The problem's stable word, such as ``not_found``; empty if it has none.
    """

    def __init__(self, line: str, *, status: int, code: str) -> None:
        super().__init__(line)
        self.status = status
        self.code = code


class BrokenAnswerError(ClientError):
    """The answer is none of a fleet server, or ended early."""
