"""Plans: models as data, checked once, executed in place by kernels that ship with the agent.

``format`` writes the bytes, ``scorer`` reads and executes them. The page is
``docs/formats/plan.md``.
"""
