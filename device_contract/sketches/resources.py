"""What the agent used in a window."""

import msgspec


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time and memory of the agent's process."""

    cpu_ns: int = 0
    """Processor time, user and system, in nanoseconds."""
    peak_rss_bytes: int = 0
    """The most memory that it held."""


def merge_resources(a: Resources, b: Resources) -> Resources:
    """Return what both windows used."""
    return Resources(cpu_ns=a.cpu_ns + b.cpu_ns, peak_rss_bytes=max(a.peak_rss_bytes, b.peak_rss_bytes))
