"""Alerts: what asks for a person's attention, and how it reaches one.

::

    sources (verdicts, devices, deployments ...)   readings.py, *_signals.py
      -> rules                                     language.py, ruleset.py, rules.py (pure)
      -> alerts                                    evaluation.py
      -> incidents                                 causes.py (pure), incidents.py
      -> notices, unless in a silence              silences.py, telling.py
      -> receivers                                 routing/
"""
