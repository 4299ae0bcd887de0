"""Routing: who is told, and how it reaches them.

``receivers`` keeps the addresses and writes what each shall get; ``delivery`` sends it, over
``webhook``, ``mail`` or ``mqtt``, and tries again when that fails.
"""
