"""The commands of ``leeway-compiler``: one module for each, or for a few that belong together.

Thin: a command takes its options, calls what does the work, and shows the outcome. It imports
what it needs when it runs, so that every command starts fast. ``compiler.cli`` gives each its name.
"""
