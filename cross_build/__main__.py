"""Build the wheels: ``python -m cross_build [--out DIR] [PROCESSOR ...]``."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from cross_build.targets import TARGETS
from cross_build.wheels import ROOT, build_agent, build_dependencies, copy_sources


def main() -> None:
    """Build for the processors that are named, or for all."""
    parser = argparse.ArgumentParser(prog="python -m cross_build", description="Build the agent's wheels.")
    parser.add_argument("processors", nargs="*", metavar="PROCESSOR", help=f"of {', '.join(TARGETS)}; all without one")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the wheels; dist without one")
    options = parser.parse_args()
    unknown = set(options.processors) - set(TARGETS)
    if unknown:
        parser.error(f"no processor {unknown.pop()!r}; there are: {', '.join(TARGETS)}")
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch) / "sources"
        copy_sources(sources)
        for name in options.processors or TARGETS:
            build_agent(TARGETS[name], sources, options.out)
            build_dependencies(TARGETS[name], Path(scratch), options.out)
    sys.stdout.writelines(f"{wheel}\n" for wheel in sorted(options.out.glob("*.whl")))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"cross_build: {error.cmd[0]} failed with exit code {error.returncode}")
