"""A private PostgreSQL for every test that needs one, and time for what Hypothesis tries."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

# How long an example takes tells of the machine's load, and of no mistake.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgresql_folder() -> Iterator[Path]:
    """Run a private PostgreSQL, reached by a Unix socket in this folder."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="leeway-pg-", dir="/tmp"))
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    run(str(programs / "initdb"), "--no-sync", "--auth=trust", "--username=leeway", "--encoding=UTF8", "-D", data)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c max_connections=200"
    run(str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    yield folder
    run(str(programs / "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


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
