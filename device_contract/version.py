"""The version of the distribution, which devices tell and each command prints."""

from typing import Final

VERSION: Final = "0.1.0"
"""As in ``pyproject.toml``; asking ``importlib.metadata`` for it would cost a device 1 MB."""
