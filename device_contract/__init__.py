"""What crosses the device's boundary, and nothing else.

Bundles, plans, envelopes, messages, topics, sketches, baselines, profiles and
enrolment. Every format here has a page in ``docs/formats/``, a version field, a
size limit, and golden bytes in ``tests/golden/`` that are never edited.

This house imports the standard library, msgspec and cryptography only.
"""
