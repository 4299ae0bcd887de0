"""Graphs and estimators to artifacts."""
