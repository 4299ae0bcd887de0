"""The words of a rollout: the states of a deployment, of a wave and of an action."""

from enum import StrEnum
from typing import Final


class DeploymentState(StrEnum):
    """Where a deployment stands."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    ABORTED = "aborted"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"


class WaveState(StrEnum):
    """Where a wave stands; ``inconclusive`` had no device to judge by."""

    PENDING = "pending"
    RUNNING = "running"
    SOAKING = "soaking"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    SKIPPED = "skipped"


class ActionState(StrEnum):
    """Where one device's part in a deployment stands."""

    QUEUED = "queued"
    OFFERED = "offered"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    TIMED_OUT = "timed_out"
    """It began, and did not end in time."""
    UNREACHABLE = "unreachable"
    """It was offered, and the device never answered."""
    NO_VARIANT = "no_variant"
    """The version has no bundle that fits the device."""
    ALREADY_INSTALLED = "already_installed"
    SUPERSEDED = "superseded"
    CANCELED = "canceled"
    REMOVED = "removed"
    """The device was revoked."""


class Reason(StrEnum):
    """Why a deployment or a wave is in its state."""

    NONE = ""
    OPERATOR = "operator"
    ERROR_THRESHOLD = "error_threshold"
    """More of its devices failed than the threshold allows."""
    SUCCESS_THRESHOLD = "success_threshold"
    """All its devices have ended, and too few succeeded."""
    MISSING_VARIANT = "missing_variant"
    """Too few succeeded, and only because bundles for their profiles are missing."""
    SUPERSEDED = "superseded"
    """Later deployments have taken its devices."""
    NO_DATA = "no_data"
    """No device of the wave could be judged."""


ENDED: Final = frozenset({DeploymentState.FINISHED, DeploymentState.ABORTED, DeploymentState.ROLLED_BACK})
"""A deployment that goes on no more, unless somebody rolls it back."""

OPEN: Final = frozenset({ActionState.QUEUED, ActionState.OFFERED, ActionState.IN_PROGRESS})
"""Not ended yet."""

FAILURES: Final = frozenset({ActionState.FAILED, ActionState.REJECTED, ActionState.ROLLED_BACK, ActionState.TIMED_OUT})
"""Ended badly; they count against the error threshold."""

EXCUSED: Final = frozenset(
    {
        ActionState.UNREACHABLE,
        ActionState.ALREADY_INSTALLED,
        ActionState.SUPERSEDED,
        ActionState.CANCELED,
        ActionState.REMOVED,
    }
)
"""Ended without saying anything about the version; they are not counted."""

OVERDUE: Final = frozenset({ActionState.TIMED_OUT, ActionState.UNREACHABLE})
"""Ended by a clock: a later word of the device still corrects them."""
