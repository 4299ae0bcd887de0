"""Places in the workspace: first fit, so that nothing is written beyond what is written already."""

from device_contract.plan.format import Range


class Allocation:
    """The workspace of one row; places that were given back are used again.

    The lowest hole that is wide enough is taken, or what lies above all places: so a place
    never starts above the values that were written before, which the check of plans wants.
    """

    def __init__(self) -> None:
        self.size = 0
        """Values that the workspace needs."""
        self._taken: list[Range] = []

    def take(self, width: int) -> Range:
        """Return a place for ``width`` values."""
        first = 0
        for index, taken in enumerate(self._taken):
            if taken.first - first >= width:
                self._taken.insert(index, Range(first, width))
                break
            first = taken.first + taken.width
        else:
            self._taken.append(Range(first, width))
        self.size = max(self.size, first + width)
        return Range(first, width)

    def give(self, place: Range) -> None:
        """Take a place back."""
        self._taken.remove(place)
