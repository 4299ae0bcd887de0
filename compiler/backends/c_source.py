"""Plans to C99 sources for microcontrollers: tables as constants, kernels in one file.

Text only; ``compiler.firmware`` builds it. What comes out needs no heap and nothing of
the C library but ``math.h``:

====================  =====================================================================
``leeway_kernels.h``  the kernels' interface, the same for every model
``leeway_kernels.c``  the kernels in one file; one row at a time, plain C
``NAME.h``            what a firmware calls: ``NAME_score`` and ``NAME_self_test``
``NAME.c``            the plan as a constant array
``NAME_self_test.c``  the bundle's golden rows; left out of a firmware that does not test
====================  =====================================================================
"""

import re
from pathlib import Path

import device_contract.plan
from compiler.backends.c_model import Model, header, plan_array, self_test_rows

KERNELS_HEADER = "leeway_kernels.h"
KERNELS_SOURCE = "leeway_kernels.c"
_FOLDER = Path(device_contract.plan.__file__).parent
_SOURCES = ("kernels.c", "check.c")
_LOCAL_INCLUDE = re.compile(r'^#include "([\w./]+)"\n', re.MULTILINE)
_PREFACE = "#define LEEWAY_SINGLE_ROWS_ONLY\n"
"""Leaves out the kernels for batches and those of processors with vectors."""


def c_sources(model: Model) -> dict[str, str]:
    """Write the sources of a model; the same model gives the same text.

    Returns:
        The text of each file, by its name.
    """
    return {
        KERNELS_HEADER: (_FOLDER / "kernels.h").read_text(),
        KERNELS_SOURCE: _PREFACE + "".join(amalgamate(_FOLDER / source) for source in _SOURCES),
        f"{model.identifier}.h": header(model),
        f"{model.identifier}.c": plan_array(model),
        f"{model.identifier}_self_test.c": self_test_rows(model),
    }


def amalgamate(source: Path) -> str:
    """Return a source with each file that it includes in the place of the include, but for the kernels' header."""

    def included(name: str) -> str:
        if name == "kernels.h":
            return f'#include "{KERNELS_HEADER}"\n'
        return amalgamate(source.parent / name)

    return _LOCAL_INCLUDE.sub(lambda match: included(match[1]), source.read_text())
