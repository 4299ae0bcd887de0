"""An archiver in a process of its own, to be killed: says ``ready``, and writes range after range until none is left.

Arguments: the database's address, the archive's folder, and how many ordinals a range has.
"""

import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from fleet_server.archive.service import ArchiveService
from fleet_server.archive.windows import windows_source
from fleet_server.clock import system_clock
from fleet_server.db import Database
from fleet_server.telemetry.service import TelemetryService
from tests.fleet_server.seeded_fleet import SeededBundles


def main(database_url: str, folder: str, range_ordinals: str) -> None:
    database = Database(database_url)
    telemetry = TelemetryService(database, SeededBundles(), system_clock, registry=CollectorRegistry())
    source = windows_source(database, telemetry)
    service = ArchiveService(
        database,
        Path(folder),
        [source],
        system_clock,
        registry=CollectorRegistry(),
        range_ordinals=int(range_ordinals),
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while service.archive_next(source):
        pass


main(*sys.argv[1:])
