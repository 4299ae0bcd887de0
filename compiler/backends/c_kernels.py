"""The kernels as one C file, cut down to what some plans use.

The sources that the agent is built from, joined by their includes. Kernels for batches are
left out; the operations that no plan uses stay in the text, cut off by a ``break``, so
that the compiler drops them and the C library's functions that they call: a forest then needs
3 KB of code on a Cortex-M4 instead of 50.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import device_contract.plan
from device_contract.plan.format import HEADER, OPERATION, Function, Kind

KERNELS_HEADER = "leeway_kernels.h"
KERNELS_SOURCE = "leeway_kernels.c"
_FOLDER = Path(device_contract.plan.__file__).parent
_INCLUDE = re.compile(r'^#include "([\w./]+)"\n', re.MULTILINE)
_CONDITION = re.compile(r"\s*#\s*(ifdef|ifndef|if|else|endif)\b\s*(\w*)")
_SINGLE_ROWS = "LEEWAY_SINGLE_ROWS_ONLY"
_CASES = re.compile(r"((?:^ *case LEEWAY_\w+:\n)*^ *case LEEWAY_\w+: )(?=FN\(run_|MAP)", re.MULTILINE)
"""The cases of one operation or of one function of single values, in the style of the kernels."""
_IS_FLOAT64 = "header->value_bytes == sizeof(double)"


def kernels_header() -> str:
    """Return the kernels' interface."""
    return (_FOLDER / "kernels.h").read_text()


def kernels_source(plans: Sequence[bytes]) -> str:
    """Return the kernels that execute some plans, one row at a time, and the check of any plan.

    Args:
        plans: Sound plans.
    """
    kernels = resolve(amalgamate(_FOLDER / "kernels.c"), _SINGLE_ROWS)
    check = amalgamate(_FOLDER / "check.c")
    return _of_width(switch_off(kernels, _used(plans)), plans) + check


def amalgamate(source: Path) -> str:
    """Return a source with each file that it includes in the place of the include, but for the kernels' header."""

    def included(name: str) -> str:
        if name == "kernels.h":
            return f'#include "{KERNELS_HEADER}"\n'
        return amalgamate(source.parent / name)

    return _INCLUDE.sub(lambda match: included(match[1]), source.read_text())


def resolve(text: str, macro: str) -> str:
    """Return a C text without the conditions on a macro, as if it were defined; other conditions stay."""
    lines: list[str] = []
    conditions: list[bool | None] = []  # of those that are open: whether lines are kept; None for other macros'
    for line in text.splitlines(keepends=True):
        directive = _CONDITION.match(line)
        word = directive[1] if directive else ""
        if directive and word.startswith("if"):
            ours = directive[2] == macro
            conditions.append(word == "ifdef" if ours else None)
        elif word == "else" and conditions[-1] is not None:
            conditions[-1] = not conditions[-1]
            ours = True
        else:
            ours = word == "endif" and conditions.pop() is not None
        if not ours and False not in conditions:
            lines.append(line)
    return "".join(lines)


def switch_off(text: str, used: set[str]) -> str:
    """Switch the cases of operations and functions off whose names are not used.

    Args:
        text: The kernels.
        used: Names of ``Kind`` and ``Function``.
    """

    def cases(match: re.Match[str]) -> str:
        names = re.findall(r"LEEWAY_(\w+)", match[1])
        return match[1] if used.intersection(names) else f"{match[1]}break; "

    return _CASES.sub(cases, text)


def _used(plans: Sequence[bytes]) -> set[str]:
    functions = {function.value: function.name for function in Function}
    names = set()
    for plan in plans:
        n_operations = HEADER.unpack_from(plan)[4]
        for index in range(n_operations):
            kind, function, *_ = OPERATION.unpack_from(plan, HEADER.size + index * OPERATION.size)
            names |= {Kind(kind).name, functions.get(function, "")}
    return names


def _of_width(text: str, plans: Sequence[bytes]) -> str:
    """Settle whether values are float64 or float32, where all plans agree."""
    widths = {HEADER.unpack_from(plan)[6] for plan in plans}
    if len(widths) > 1:
        return text
    return text.replace(_IS_FLOAT64, "1" if widths == {8} else "0")
