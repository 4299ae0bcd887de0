"""The report of a compilation, for programs; its page is ``docs/formats/compile-report.md``."""

from typing import Literal

import msgspec

from compiler.checks import Check


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no bundle."""

    exit_code: int
    message: str


class BundleFile(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that was written."""

    path: str
    sha256: str
    size_bytes: int


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the bundle for one profile.

    Attributes:
        profile: The firmware profile's name; ``None`` for the portable bundle.
        status: Whether it was built now, was there already, or could not be built.
        bundle: The file, unless it failed.
        failure: Why it failed, if it did.
        checks: Its own steps, in order; those of the build that made it if it was there already.
        notes: What the user should know, a sentence each.
    """

    profile: str | None
    status: Literal["built", "up to date", "failed"]
    bundle: BundleFile | None = None
    failure: Failure | None = None
    checks: tuple[Check, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The profile's name, or ``portable``."""
        return self.profile or "portable"


class CompileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a compilation.

    Attributes:
        report_version: Version of this format.
        compiler: The compiler's version.
        model: The model's name.
        version: The model's version.
        exit_code: What ``leeway-compiler`` exits with: the highest of all failures' codes, 0 without any.
        seconds: How long it took.
        features: The model's features, in the order of a row; empty if the model was not read.
        failure: Why none of the missing bundles could be begun, if so.
        checks: The steps that the bundles share, in order; empty if all bundles were there already.
        variants: What came of each bundle.
    """

    report_version: Literal[1] = 1
    compiler: str
    model: str
    version: str
    exit_code: int
    seconds: float
    features: tuple[str, ...] = ()
    failure: Failure | None = None
    checks: tuple[Check, ...] = ()
    variants: tuple[Variant, ...] = ()

    def all_checks(self) -> tuple[Check, ...]:
        """Return every check, the shared ones first."""
        return (*self.checks, *(check for variant in self.variants for check in variant.checks))

    def failures(self) -> list[str]:
        """Return what went wrong, a message each; with several bundles each begins with those that it is about."""
        about: dict[str, list[str]] = {}
        for variant in self.variants:
            if variant.failure:
                about.setdefault(variant.failure.message, []).append(variant.name)
        several = len(self.variants) > 1
        shared = [self.failure.message] if self.failure else []
        return shared + [f"{', '.join(names)}: {message}" if several else message for message, names in about.items()]


def encode_report(report: CompileReport) -> bytes:
    """Return the report as JSON."""
    return msgspec.json.format(msgspec.json.encode(report)) + b"\n"


def decode_report(data: bytes) -> CompileReport:
    """Read a report.

    Raises:
        msgspec.DecodeError: It is malformed, or of another version.
    """
    return msgspec.json.decode(data, type=CompileReport)
