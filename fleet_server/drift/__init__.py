"""Drift: what the reports say of each device, against training, its own past and its peers, and of all together.

The statistics are the house ``detectors``. This room feeds them, a window at a time::

    telemetry -> intake -> (waits) -> readiness -> windows -> judging -> detectors.judge
        -> findings -> settlement (verdicts and their changes), records (judged windows)

``controller`` drives that; ``service`` and ``history`` read what came of it. How to read a
verdict is told in ``docs/guides/drift.md``.
"""
