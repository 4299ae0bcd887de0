"""Which draws are for what.

Seeds below 100 are for development: whoever changes a detector looks at them as often as they
like. The page's are others, which nobody looked at before. Where a figure of the page made
somebody change a detector, its seeds are spent: ``ROUND`` goes up, and the page tells it.
"""

from typing import Final

ROUND: Final = 4
_FIRST: Final = 1000 * ROUND

DAYS: Final = range(_FIRST, _FIRST + 5)
HOURS: Final = range(_FIRST + 100, _FIRST + 105)
INDEPENDENT: Final = range(_FIRST + 200, _FIRST + 202)
FAULTS: Final = range(_FIRST + 300, _FIRST + 306)
RELATIONS: Final = range(_FIRST + 400, _FIRST + 403)
STEPS: Final = range(_FIRST + 500, _FIRST + 503)
ROLLOUTS: Final = _FIRST + 600
