"""Where rows come from.

A source is named ``kind[:address][?option=value&...]``. Three kinds ship with the
agent; others join through the entry-point group ``leeway.sources``: the entry point is
a function ``open_source(address, options) -> Source``.
"""

from edge_agent.sources.source import BadRow, Source, open_source

__all__ = ["BadRow", "Source", "open_source"]
