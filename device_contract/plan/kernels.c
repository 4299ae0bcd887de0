/* The kernels: rows through a checked plan. See kernels.h. */
#include "kernels.h"

#include <math.h>
#include <string.h>

#include "kernels/math.inc"
#include "kernels/nodes.inc"

size_t leeway_plan_workspace_bytes(const void *plan) {
    const leeway_plan_header *header = plan;
    return (size_t)header->n_values * header->value_bytes;
}

#ifdef LEEWAY_SINGLE_ROWS_ONLY
#define LEEWAY_VECTOR_BYTES 8u  /* microcontrollers have few registers, and no vectors */
#else
#define LEEWAY_VECTOR_BYTES 16u
#include "kernels/crowns.inc"
#include "kernels/blocks.inc"
#include "kernels/lines.inc"
#endif

#define VARIANT(name) leeway_plain_##name
#include "kernels/variant.inc"
#undef VARIANT
#undef LEEWAY_VECTOR_BYTES

#ifdef LEEWAY_SINGLE_ROWS_ONLY
void leeway_plan_score(const void *plan, const float *row, void *workspace, double *scores) {
    leeway_plain_score(plan, row, workspace, scores);
}
#else
#include "kernels/processors.inc"
#endif
