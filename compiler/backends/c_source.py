"""Plans to C99 sources for microcontrollers: tables as constants, kernels in one file.

Text only; ``compiler.firmware`` builds it. What comes out needs no heap and nothing of
the C library but ``math.h``:

====================  =====================================================================
``leeway_kernels.h``  the kernels' interface
``leeway_kernels.c``  the kernels that the models use, in one file; one row at a time
``NAME.h``            what a firmware calls: ``NAME_score`` and ``NAME_self_test``
``NAME.c``            the plan as a constant array
``NAME_self_test.c``  the bundle's golden rows; left out of a firmware that does not test
====================  =====================================================================
"""

from collections.abc import Sequence

from compiler.backends.c_kernels import KERNELS_HEADER, KERNELS_SOURCE, kernels_header, kernels_source
from compiler.backends.c_model import Model, header, plan_array, self_test_rows


def c_sources(models: Sequence[Model]) -> dict[str, str]:
    """Write the sources of the models of one firmware; the same models give the same text.

    Returns:
        The text of each file, by its name.
    """
    sources = {
        KERNELS_HEADER: kernels_header(),
        KERNELS_SOURCE: kernels_source([model.plan for model in models]),
    }
    for model in models:
        sources |= zip(model.files, (header(model), plan_array(model), self_test_rows(model)), strict=True)
    return sources
