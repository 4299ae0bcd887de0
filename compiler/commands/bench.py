"""``leeway-compiler bench``."""

from typing import Annotated

import typer
from rich.console import Console

from compiler.commands.options import AsJson, BundleFile
from device_contract.bundle import open_file
from device_contract.profile import find_profile


def bench(
    bundle: BundleFile,
    profile: Annotated[
        str | None, typer.Option(help="Firmware profile to hold it against; the bundle's own without.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to score with each artifact.")] = 1.0,
    as_json: AsJson = False,  # noqa: FBT002  (a flag)
) -> None:
    """Measure a bundle's latency and memory on this machine, against its profile's budget."""
    from compiler import benchmark
    from compiler.report import bench_json, show_bench

    opened = open_file(bundle)
    name = profile or opened.manifest.profile
    report = benchmark.bench(opened, bundle, find_profile(name) if name else None, seconds)
    if as_json:
        typer.echo(bench_json(report))
    else:
        show_bench(Console(), report)
    report.check()
