"""The compiler's errors: one for each thing that may be wrong, each with its exit code.

Every one holds a single clear line: what is wrong, where, and what to do about it.
"""

from dataclasses import dataclass
from typing import ClassVar

from device_contract.errors import ContractError, ProfileError

_USAGE, _BAD_BUNDLE = 2, 7


class CompilerError(Exception):
    """A model could not be compiled, checked or published.

    Attributes:
        exit_code: What ``leeway-compiler`` exits with.
    """

    exit_code: ClassVar[int] = 1


class ModelError(CompilerError):
    """The model cannot be read, is not fitted, or is not one that the compiler takes."""

    exit_code: ClassVar[int] = 3


class UnsupportedModelError(ModelError):
    """The model is sound, but this kind of artifact cannot express it."""


class SampleError(CompilerError):
    """The sample or its schema cannot be read, or does not fit the model."""

    exit_code: ClassVar[int] = 4


@dataclass(frozen=True)
class WrongRow:
    """A row whose score is not the original model's.

    Attributes:
        row: Its number in the sample (or in the self-test), from 0.
        inputs: The row.
        expected: The original model's scores.
        got: The artifact's.
    """

    row: int
    inputs: tuple[float, ...]
    expected: tuple[float, ...]
    got: tuple[float, ...]


class ParityError(CompilerError):
    """An artifact does not give the scores of the original model.

    Attributes:
        rows: The worst of the rows that differ.
    """

    exit_code: ClassVar[int] = 5

    def __init__(self, message: str, rows: tuple[WrongRow, ...] = ()) -> None:
        super().__init__(message)
        self.rows = rows


class AccuracyError(CompilerError):
    """A quantized model is worse than the trained one by more than is allowed."""

    exit_code: ClassVar[int] = 5


class BudgetError(CompilerError):
    """The bundle breaks a budget of its firmware profile."""

    exit_code: ClassVar[int] = 6


class KeyFileError(CompilerError):
    """A signing key cannot be read or written, or a bundle's signature is not right."""

    exit_code: ClassVar[int] = 7


class PublishError(CompilerError):
    """The fleet server cannot be reached, or refused the bundle."""

    exit_code: ClassVar[int] = 8


def exit_code(error: CompilerError | ContractError) -> int:
    """Return what ``leeway-compiler`` exits with for an error."""
    if isinstance(error, CompilerError):
        return error.exit_code
    return _USAGE if isinstance(error, ProfileError) else _BAD_BUNDLE


def one_line(error: BaseException, limit: int = 200) -> str:
    """Return what another library's error says in one line of at most ``limit`` characters, or else its name."""
    said = " ".join(str(error).split())
    return f"{said[:limit]}..." if len(said) > limit else said or type(error).__name__
