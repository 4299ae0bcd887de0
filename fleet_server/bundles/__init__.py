"""Bundles: the versions of a model, verified before they are stored."""
