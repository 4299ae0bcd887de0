"""How the features moved together: sums of products of standardised values.

Two kilobytes for 30 features, so they gather over many windows and go out about once a day.
"""

import msgspec

from device_contract.errors import SketchError


class Comoments(msgspec.Struct, frozen=True, kw_only=True):
    """Over the rows in which every feature of the projection is finite; ``z`` as it says there."""

    rows: int
    sums: tuple[float, ...]
    """Sum of ``z`` for each feature of the projection."""
    products: tuple[float, ...]
    """Sum of ``z[i] * z[j]`` for ``i <= j``, row by row of the upper triangle."""


def merge_comoments(a: Comoments | None, b: Comoments | None) -> Comoments | None:
    """Return the sums over the rows of both; None where neither has any.

    Raises:
        SketchError: They are of different features.
    """
    if a is None or b is None:
        return a or b
    if len(a.sums) != len(b.sums) or len(a.products) != len(b.products):
        raise SketchError("co-moments of different features do not merge")
    return Comoments(
        rows=a.rows + b.rows,
        sums=tuple(map(float.__add__, a.sums, b.sums)),
        products=tuple(map(float.__add__, a.products, b.products)),
    )
