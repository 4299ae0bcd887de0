"""Trained models in, whatever their format, as one ``SourceModel``."""
