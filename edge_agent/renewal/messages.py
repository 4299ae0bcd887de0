"""What the renewing child answers to its agent: JSON."""

import msgspec


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag="checked"):
    """The certificate is good."""

    is_new: bool
    due_in_s: float
    """Seconds until half of its life is over."""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """It should have been renewed and was not; the present one goes on."""

    detail: str


Answer = Checked | Failed
