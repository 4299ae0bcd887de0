"""The database's schema, step by step (Alembic).

A step is a file in ``versions/``. ``Database.migrate`` takes a database to the newest step;
a test compares the outcome with the rooms' tables, so a table that changes without its
step does not pass.
"""
