"""Importing scikit-learn without what it only looks for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_pandas() -> Iterator[None]:
    """Let scikit-learn take pandas for absent while it is imported: it would import it, a tenth of a compile's time.

    It uses pandas only on frames that it is given, and a frame brings pandas with it.
    """
    if "pandas" in sys.modules:
        yield
        return
    sys.modules["pandas"] = None  # type: ignore[assignment]  # as the import system marks what is not to be found
    try:
        yield
    finally:
        del sys.modules["pandas"]
