"""Drift: what the reports say of each device, against its training and against its peers.

The statistics are pure (``effective_size``, ``reference``, ``channels``, ``effect_sizes``,
``chart``, ``training``, ``peers``, ``readiness``, ``sentences``): numbers in, numbers out.
``service`` feeds them from the stored windows and keeps their state in the database.
How to read a verdict is told in ``docs/guides/drift.md``.
"""
