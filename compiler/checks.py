"""What each step of a compilation came to: the checks that the reports list."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from compiler.errors import CompilerError, ParityError, WrongRow
from device_contract.errors import ContractError

Status = Literal["passed", "failed", "skipped"]
Figure = int | float | str | None


class FailedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that failed the proof, in numbers that JSON can hold: ``"nan"``, ``"inf"`` and ``"-inf"`` are text."""

    row: int
    inputs: tuple[float | str, ...]
    expected: tuple[float | str, ...]
    got: tuple[float | str, ...]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one step came to.

    Attributes:
        name: The step; one that concerns an artifact begins with its kind, ``plan.parity``.
        status: Whether it passed.
        seconds: How long it took.
        message: Why it failed, or was skipped.
        figures: What was measured, and what was allowed.
        rows: For a proof that failed, the worst rows.
    """

    name: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    figures: dict[str, Figure] = {}
    rows: tuple[FailedRow, ...] = ()


class Step:
    """A step under way.

    Attributes:
        figures: What it measures.
        skipped: Why there was nothing to do; empty if there was.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Figure] = {}
        self.skipped = ""


class Checklist:
    """Keeps what each step came to.

    Attributes:
        checks: The steps so far, in order.
    """

    def __init__(self) -> None:
        self.checks: list[Check] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Time a step; an error is kept with it, and goes on."""
        step, began = Step(), time.perf_counter()
        try:
            yield step
        except (CompilerError, ContractError) as error:
            rows = error.rows if isinstance(error, ParityError) else ()
            self._add(name, "failed", began, step, str(error), rows)
            raise
        self._add(name, "skipped" if step.skipped else "passed", began, step, step.skipped)

    def _add(  # noqa: PLR0913, PLR0917  (all that a check keeps)
        self, name: str, status: Status, began: float, step: Step, message: str, rows: tuple[WrongRow, ...] = ()
    ) -> None:
        check = Check(
            name=name,
            status=status,
            seconds=round(time.perf_counter() - began, 6),
            message=message,
            figures=step.figures,
            rows=tuple(map(_failed_row, rows)),
        )
        self.checks.append(check)


def _failed_row(wrong: WrongRow) -> FailedRow:
    return FailedRow(
        row=wrong.row, inputs=_as_json(wrong.inputs), expected=_as_json(wrong.expected), got=_as_json(wrong.got)
    )


def _as_json(values: tuple[float, ...]) -> tuple[float | str, ...]:
    return tuple(value if value - value == 0 else str(value) for value in values)
