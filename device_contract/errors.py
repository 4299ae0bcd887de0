"""The errors of the contract: one for each kind of bytes that may be wrong.

Every reader in this house answers rubbish with its own error from this tree and
with nothing else; the message says what is wrong and where.
"""


class ContractError(Exception):
    """Bytes from the other side of the boundary are not what they should be."""


class ManifestError(ContractError):
    """A bundle's manifest is malformed, of an unknown version, or contradicts itself."""


class BundleError(ContractError):
    """A bundle's archive is malformed, oversized, or does not match its manifest."""


class EnvelopeError(ContractError):
    """A signed envelope is malformed or no trusted key vouches for it."""


class PlanError(ContractError):
    """A plan is malformed, of an unknown version, or points outside itself."""


class MessageError(ContractError):
    """A message is malformed, oversized, or of an unknown version."""


class TopicError(ContractError):
    """A topic is not one of ours, or a device id is not allowed in a topic."""


class SketchError(ContractError):
    """A sketch is malformed, or does not belong to the given baseline."""


class RowError(ContractError):
    """A row, or the room for its scores, has the wrong width or the wrong type."""


class ProfileError(ContractError):
    """A firmware profile is malformed or unknown."""


class EnrollmentError(ContractError):
    """An enrolment token, request or response is malformed."""


def shown(value: object, limit: int = 40) -> str:
    """Return what a message shows of a value: the beginning of its text, in quotes.

    Python writes no whole number of more than 4300 digits; of such a value its type is told.
    """
    try:
        return repr(str(value)[:limit])
    except ValueError:
        return f"{type(value).__name__} too long to show"
