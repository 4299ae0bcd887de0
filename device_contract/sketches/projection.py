"""Sums of T2 and Q over the rows of a window (``device_contract.projection``)."""

import msgspec


class ProjectionSums(msgspec.Struct, frozen=True, kw_only=True):
    """Over the rows in which every projected feature is finite."""

    rows: int = 0
    t2: float = 0.0
    t2_squares: float = 0.0
    q: float = 0.0
    q_squares: float = 0.0


def merge_projections(a: ProjectionSums, b: ProjectionSums) -> ProjectionSums:
    """Return the sums over the rows of both."""
    return ProjectionSums(
        rows=a.rows + b.rows,
        t2=a.t2 + b.t2,
        t2_squares=a.t2_squares + b.t2_squares,
        q=a.q + b.q,
        q_squares=a.q_squares + b.q_squares,
    )
