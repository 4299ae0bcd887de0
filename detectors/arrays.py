"""The arrays that the detectors compute with."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]
Bools = NDArray[np.bool_]
Names = NDArray[np.str_]
Places = Sequence[NDArray[np.intp]]
"""The places of the devices of each group."""
