"""Which features the scores of a window came from, over the rows that were explained."""

import msgspec

from device_contract.errors import SketchError


class AttributionSums(msgspec.Struct, frozen=True, kw_only=True):
    """For each feature the sum of its absolute contributions to every explained score."""

    rows: int = 0
    """Rows that were explained."""
    sums: tuple[float, ...] = ()
    """Of each feature; empty when no row was explained."""


def merge_attributions(a: AttributionSums, b: AttributionSums) -> AttributionSums:
    """Return the sums over the rows of both.

    Raises:
        SketchError: They are of different features.
    """
    if not (a.rows and b.rows):
        return a if a.rows else b
    if len(a.sums) != len(b.sums):
        raise SketchError("attributions of different features do not merge")
    return AttributionSums(rows=a.rows + b.rows, sums=tuple(map(float.__add__, a.sums, b.sums)))
