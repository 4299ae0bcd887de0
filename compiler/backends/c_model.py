"""A model's own C files: its interface, its plan, its golden rows."""

import array
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from string import Template

from device_contract.manifest import Manifest
from device_contract.selftest import SelfTestVectors

_HEADER = Template("""\
/* $title
 *
 * Made by leeway-compiler export-c from the bundle with SHA-256
 * $sha256
 *
 * A row:
$features * Its scores:
$outputs */
#ifndef ${guard}_H
#define ${guard}_H

#include <stdint.h>

#define ${prefix}_N_FEATURES $n_features
#define ${prefix}_N_OUTPUTS $n_outputs
#define ${prefix}_N_SELF_TEST_ROWS $n_rows

/* Score one row. Missing values are NaN. Not from several tasks at once: it works in a
 * static array. */
void ${name}_score(const float row[${prefix}_N_FEATURES], double scores[${prefix}_N_OUTPUTS]);

/* Say whether the plan is sound: it is, unless the memory that holds it is damaged. */
int ${name}_is_sound(void);

/* Score the rows that the compiler proved. Returns the number of rows whose scores are
 * not what they were on the compiler's machine, within the bundle's tolerance; or -1 if
 * the plan is not sound. */
int ${name}_self_test(void);

/* The rows that the compiler proved, and their scores. */
extern const float ${name}_self_test_rows[${prefix}_N_SELF_TEST_ROWS][${prefix}_N_FEATURES];
extern const double ${name}_self_test_scores[${prefix}_N_SELF_TEST_ROWS][${prefix}_N_OUTPUTS];

#endif
""")

_PLAN = Template("""\
/* $title: the plan. Little-endian words, so that it lies at a multiple of 8. */
#include "${name}.h"

#include "leeway_kernels.h"

static const uint64_t plan[$n_words] = {
$words};

/* What a call works in, with room to begin at a multiple of 64. */
static uint64_t workspace[$n_workspace_words + 7];

int ${name}_is_sound(void) { return leeway_plan_check(plan, $size_bytes) == LEEWAY_PLAN_OK; }

void ${name}_score(const float row[${prefix}_N_FEATURES], double scores[${prefix}_N_OUTPUTS]) {
    leeway_plan_score(plan, row, (void *)(((uintptr_t)workspace + 63) & ~(uintptr_t)63), scores);
}
""")

_SELF_TEST = Template("""\
/* $title: the rows that the compiler proved, and their scores. */
#include "${name}.h"

#include <math.h>

const float ${name}_self_test_rows[${prefix}_N_SELF_TEST_ROWS][${prefix}_N_FEATURES] = {
$rows};

const double ${name}_self_test_scores[${prefix}_N_SELF_TEST_ROWS][${prefix}_N_OUTPUTS] = {
$scores};

static int agree(double score, double right) {
    if (isnan(right)) return isnan(score);
    if (score == right) return 1;
    return isfinite(right) && fabs(score - right) <= $absolute + $relative * fabs(right);
}

int ${name}_self_test(void) {
    double scores[${prefix}_N_OUTPUTS];
    int wrong_rows = 0, row, k;
    if (!${name}_is_sound()) return -1;
    for (row = 0; row < ${prefix}_N_SELF_TEST_ROWS; row++) {
        int agreed = 1;
        ${name}_score(${name}_self_test_rows[row], scores);
        for (k = 0; k < ${prefix}_N_OUTPUTS; k++) agreed &= agree(scores[k], ${name}_self_test_scores[row][k]);
        wrong_rows += !agreed;
    }
    return wrong_rows;
}
""")

_C_HEADER = re.compile(
    "assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|math|setjmp|signal|stdalign|stdarg|stdatomic|"
    "stdbit|stdbool|stdckdint|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|threads|time|uchar|wchar|wctype"
)
"""C23's: a file of such a name would be read in place of the library's."""
_NOT_PRINTABLE = re.compile(r"[^ -~]|\*/|\\")
_WORDS_A_LINE = 4
_NUMBERS_A_LINE = 6


@dataclass(frozen=True)
class Model:
    """What is written of a bundle.

    Attributes:
        manifest: The bundle's manifest.
        plan: The plan's bytes, checked.
        workspace_bytes: What the kernels need to work in.
        vectors: The bundle's golden rows.
        sha256: The bundle's digest.
    """

    manifest: Manifest
    plan: bytes
    workspace_bytes: int
    vectors: SelfTestVectors
    sha256: str

    @property
    def identifier(self) -> str:
        """The model's name as C takes it: lower case, digits and underscores."""
        name = re.sub(r"[^a-z0-9]", "_", self.manifest.model)
        is_taken = name[0].isdigit() or name.startswith("leeway") or _C_HEADER.fullmatch(name)
        return f"model_{name}" if is_taken else name

    @property
    def files(self) -> tuple[str, str, str]:
        """Names of its files: the interface, the plan, the golden rows."""
        return f"{self.identifier}.h", f"{self.identifier}.c", f"{self.identifier}_self_test.c"

    @property
    def title(self) -> str:
        """The model's name and version."""
        return f"{self.manifest.model} {self.manifest.version}"


def header(model: Model) -> str:
    """Write the interface that a firmware includes."""
    manifest = model.manifest
    return _HEADER.substitute(
        _names(model),
        sha256=model.sha256,
        guard=f"LEEWAY_MODEL_{model.identifier.upper()}",
        n_features=len(manifest.features),
        n_outputs=len(manifest.outputs),
        n_rows=model.vectors.n_rows,
        features=_listed("row", ((feature.name, feature.unit) for feature in manifest.features)),
        outputs=_listed("scores", ((output.name, output.unit) for output in manifest.outputs)),
    )


def plan_array(model: Model) -> str:
    """Write the plan as a constant array."""
    padded = model.plan + bytes(-len(model.plan) % 8)
    words = [f"0x{word:016x}," for (word,) in struct.iter_unpack("<Q", padded)]
    return _PLAN.substitute(
        _names(model),
        words=_lines(words, _WORDS_A_LINE),
        n_words=len(words),
        n_workspace_words=-(-model.workspace_bytes // 8),
        size_bytes=len(model.plan),
    )


def self_test_rows(model: Model) -> str:
    """Write the golden rows, each number to its last bit."""
    test = model.manifest.self_test
    return _SELF_TEST.substitute(
        _names(model),
        rows=_matrix(model.vectors.rows(), "f"),
        scores=_matrix(model.vectors.expected(), ""),
        absolute=_number(test.absolute_tolerance),
        relative=_number(test.relative_tolerance),
    )


def _names(model: Model) -> dict[str, str]:
    return {"title": _comment(model.title), "name": model.identifier, "prefix": model.identifier.upper()}


def _listed(array_name: str, named: Iterable[tuple[str, str]]) -> str:
    entries = enumerate(f"{name} {unit}".strip() for name, unit in named)
    return "".join(f" *   {array_name}[{at}]  {_comment(text)}\n" for at, text in entries)


def _comment(text: str) -> str:
    """Return a text that cannot end the comment, whatever a feature is called."""
    return _NOT_PRINTABLE.sub("?", text)


def _matrix(rows: "list[array.array[float]]", suffix: str) -> str:
    numbers = ([f"{_number(value)}{suffix if math.isfinite(value) else ''}," for value in row] for row in rows)
    return "".join(f"    {{\n{_lines(row, _NUMBERS_A_LINE)}    }},\n" for row in numbers)


def _number(value: float) -> str:
    """Return a number in hexadecimal, which loses no bit (C99, 6.4.4.2)."""
    if math.isnan(value):
        return "NAN"
    return value.hex() if math.isfinite(value) else "INFINITY" if value > 0 else "-INFINITY"


def _lines(items: list[str], a_line: int) -> str:
    return "".join(f"    {' '.join(items[at : at + a_line])}\n" for at in range(0, len(items), a_line))
