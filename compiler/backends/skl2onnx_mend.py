"""A mend for skl2onnx 1.20, which fails on histogram gradient boosting with onnx 1.23.

Its converter hands NumPy scalars and booleans to ``onnx.helper.make_node``
(``base_values``, ``nodes_missing_value_tracks_true``), which this onnx refuses. The
mended converter hands over plain numbers. ``tests/compiler/test_skl2onnx_mend.py``
notices when the library does so by itself; then this file can go.
"""

from typing import Any

import numpy as np
import skl2onnx  # noqa: F401  (registers the library's own converters, which are mended here)
from skl2onnx.common._registration import get_converter, register_converter

_ALIASES = ("SklearnHistGradientBoostingRegressor", "SklearnHistGradientBoostingClassifier")


def mend() -> None:
    """Register the mended converters in place of the library's; a second call does nothing."""
    for alias in _ALIASES:
        original = get_converter(alias)
        if not isinstance(original._fct, _MendedConverter):  # noqa: SLF001  (the library has no public reader)
            options = original.get_allowed_options()
            register_converter(alias, _MendedConverter(original), overwrite=True, options=options)


class _MendedConverter:
    """The library's converter, writing into a container that takes plain numbers."""

    def __init__(self, original: Any) -> None:  # noqa: ANN401  (skl2onnx has no types)
        self._original = original

    def __call__(self, scope: Any, operator: Any, container: Any) -> None:  # noqa: ANN401
        self._original(scope, operator, _PlainContainer(container))


class _PlainContainer:
    """A conversion container whose nodes get plain Python numbers."""

    def __init__(self, container: Any) -> None:  # noqa: ANN401
        self._container = container

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._container, name)

    def add_node(self, *args: Any, **attributes: Any) -> None:  # noqa: ANN401
        self._container.add_node(*args, **{name: _plain(value) for name, value in attributes.items()})


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, bool) else value
