"""The site of the sampling tests, whose device sends rows."""

from tests.fleet_server.sampling.conftest import site

__all__ = ["site"]
