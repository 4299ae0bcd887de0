"""What can happen to an update, and what the machine asks for in return."""

from dataclasses import dataclass

from device_contract.assignment import AssignedSlot, SamplingPolicy
from edge_agent.update.offer import Offer


@dataclass(frozen=True)
class Started:
    """The process has started and read the journal."""


@dataclass(frozen=True)
class Offered:
    """An assignment came."""

    offer: Offer


@dataclass(frozen=True)
class Prepared:
    """The offer is verified, every bundle is on the disk and has passed its self-test."""

    sequence: int
    action_id: str
    issued_ms: int
    slots: tuple[AssignedSlot, ...]
    sampling: SamplingPolicy | None = None
    expires_ms: int = 0


@dataclass(frozen=True)
class PreparationFailed:
    """The offer was refused, or could not be fetched."""

    reason_code: str
    detail: str
    is_final: bool


@dataclass(frozen=True)
class RetryDue:
    """The wait before another attempt is over."""


@dataclass(frozen=True)
class ActivationBegun:
    """The shell is about to load the new bundles."""


@dataclass(frozen=True)
class Activated:
    """The new bundles score."""


@dataclass(frozen=True)
class ActivationFailed:
    """The new bundles could not be loaded."""

    detail: str


@dataclass(frozen=True)
class ProbationPassed:
    """Enough rows, or enough time, without fault."""


@dataclass(frozen=True)
class ProbationFailed:
    """A fault on probation."""

    reason_code: str
    detail: str


Event = (
    Started
    | Offered
    | Prepared
    | PreparationFailed
    | RetryDue
    | ActivationBegun
    | Activated
    | ActivationFailed
    | ProbationPassed
    | ProbationFailed
)


@dataclass(frozen=True)
class Prepare:
    """Fetch, verify and test the offer in a child process, ending the one that runs."""

    offer: Offer
    accepted_sequence: int
    time_floor_ms: int


@dataclass(frozen=True)
class RetryLater:
    """Send ``RetryDue`` after a wait that grows with the attempts."""

    attempts: int


@dataclass(frozen=True)
class BeginActivation:
    """Send ``ActivationBegun``: the journal now holds the staged bundles."""


@dataclass(frozen=True)
class Activate:
    """Load these bundles, then send ``Activated`` or ``ActivationFailed``."""

    slots: tuple[AssignedSlot, ...]


@dataclass(frozen=True)
class Watch:
    """Begin the probation of what was just activated."""


@dataclass(frozen=True)
class Restore:
    """Score with these committed bundles; when none loads, score with none."""

    slots: tuple[AssignedSlot, ...]


@dataclass(frozen=True)
class Prune:
    """Delete every bundle but these."""

    keep: tuple[AssignedSlot, ...]


Effect = Prepare | RetryLater | BeginActivation | Activate | Watch | Restore | Prune
