"""The errors of the agent: each ends in one clear line and an exit code.

Bad rows, garbage messages and a server that is away are no errors of the agent:
they are counted (``edge_agent.counters``) and scoring goes on.
"""


class AgentError(Exception):
    """Something that the user must put right; the text is the one line that they see.

    Attributes:
        exit_code: What the process ends with.
    """

    exit_code = 1


class SettingsError(AgentError):
    """``agent.toml`` is missing, malformed, or holds a value out of its bounds."""

    exit_code = 3


class EnrollmentRefusedError(AgentError):
    """The server, or the pinned digest in the token, says no."""

    exit_code = 4


class ServerUnreachableError(AgentError):
    """The server does not answer."""

    exit_code = 5


class StateError(AgentError):
    """The state folder cannot be read or written, or another agent holds it."""

    exit_code = 6


class ModelError(AgentError):
    """There is no model to score with, or its bundle is not sound."""

    exit_code = 7


class SourceError(AgentError):
    """The source of rows is unknown, or cannot be opened."""

    exit_code = 8


class RowRefusedError(Exception):
    """One row that cannot be scored.

    Attributes:
        reason: The counter that it adds to (``edge_agent.counters``).
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class RefusalError(Exception):
    """An assignment that this device does not carry out.

    Attributes:
        reason_code: One of ``edge_agent.refusals.REFUSALS``.
        is_final: False where another attempt may succeed (network, disk, clock).
    """

    def __init__(self, reason_code: str, detail: str, *, is_final: bool = True) -> None:
        super().__init__(detail)
        self.reason_code = reason_code
        self.is_final = is_final
