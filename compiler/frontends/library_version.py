"""Models that another version of scikit-learn wrote."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from compiler.errors import one_line
from compiler.frontends.quick_import import without_pandas

with without_pandas():
    from sklearn.exceptions import InconsistentVersionWarning

logger = logging.getLogger(__name__)


@contextmanager
def tell_of_other_versions() -> Iterator[None]:
    """Tell once, in place of scikit-learn's warnings for each part, that another version of it wrote the model."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if isinstance(warning.message, InconsistentVersionWarning):
            logger.warning("%s", one_line(warning.message))
            break
