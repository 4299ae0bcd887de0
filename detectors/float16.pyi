from typing import Any

import numpy as np
from numpy.typing import NDArray

def to_float16(values: NDArray[np.floating[Any]]) -> NDArray[np.float16]: ...
def from_float16(halves: NDArray[np.float16]) -> NDArray[np.float32]: ...
