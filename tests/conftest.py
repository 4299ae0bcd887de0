"""A private PostgreSQL for every test that needs one, and time for what Hypothesis tries."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from tests.support.postgresql import run_postgresql

# How long an example takes tells of the machine's load, and of no mistake.
settings.register_profile("untimed", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=25)  # of 100: `make test` tries all
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgresql_folder() -> Iterator[Path]:
    """Run a private PostgreSQL, reached by a Unix socket in this folder."""
    with run_postgresql() as folder:
        yield folder


@contextmanager
def new_postgresql(folder: Path, template: str = "template1") -> Iterator[str]:
    """Give the name of a fresh database, a copy of the template, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(host=str(folder), user="leeway", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        yield name
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def address_of(folder: Path, name: str) -> str:
    return f"postgresql+psycopg://leeway@/{name}?host={folder}"


@pytest.fixture
def postgresql_url(postgresql_folder: Path) -> Iterator[str]:
    """Address of an empty PostgreSQL database."""
    with new_postgresql(postgresql_folder) as name:
        yield address_of(postgresql_folder, name)
