"""Rollouts: an operator's deployment, wave by wave, until every device holds its version."""
