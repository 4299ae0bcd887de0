"""The agent's wheels for processors other than this machine's.

``python -m cross_build`` compiles the extensions with zig's C compiler (PyPI's ``ziglang``)
against the headers of Debian's Python for the target; ``docs/guides/device.md`` tells how they are installed.
It builds the project and is no part of it: nothing here goes into a wheel.
"""
