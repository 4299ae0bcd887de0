"""The processors that the agent is built for."""

import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

GLIBC = (2, 17)
"""The oldest C library that the wheels run with: that of manylinux2014 (PEP 599)."""


_ZIG = Path(sysconfig.get_path("platlib")) / "ziglang" / "zig"
"""Called by its path: pip builds where the environment's modules are not in sight."""


@dataclass(frozen=True)
class Target:
    """A processor, by the name that each tool has for it.

    Attributes:
        name: As firmware profiles say it.
        machine: As wheels say it (PEP 600).
        debian: As Debian's packages say it.
        triplet: As Debian's folders and Python's extensions say it.
        zig: As zig says it, without the C library's version.
        from_source: Dependencies of the agent for which PyPI has no wheel for this processor.
    """

    name: str
    machine: str
    debian: str
    triplet: str
    zig: str
    from_source: tuple[str, ...] = ()

    @property
    def platform(self) -> str:
        """The wheels' platform tag."""
        return f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{self.machine}"

    @property
    def extension_suffix(self) -> str:
        """How the names of extension modules end."""
        return f".cpython-{sys.version_info.major}{sys.version_info.minor}-{self.triplet}.so"

    @property
    def compiler(self) -> tuple[str, ...]:
        """The C compiler for this processor, as a command."""
        target = f"{self.zig}.{GLIBC[0]}.{GLIBC[1]}"
        return (str(_ZIG), "cc", "-target", target)


TARGETS = {
    target.name: target
    for target in (
        Target("x86_64", "x86_64", "amd64", "x86_64-linux-gnu", "x86_64-linux-gnu"),
        Target("aarch64", "aarch64", "arm64", "aarch64-linux-gnu", "aarch64-linux-gnu"),
        Target(
            "armv7", "armv7l", "armhf", "arm-linux-gnueabihf", "arm-linux-gnueabihf", from_source=("cffi", "msgspec")
        ),
    )
}
