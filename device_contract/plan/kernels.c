/* The kernels: rows through a checked plan. See kernels.h. */
#include "kernels.h"

#include <math.h>

#define LEEWAY_LANES 16u               /* a block holds a multiple of so many rows */
#define LEEWAY_BLOCK_BYTES (1u << 18)  /* what a block's values should take: most of a core's second cache */
#define LEEWAY_MAX_BLOCK 512u

#include "kernels/math.inc"

#define LEEWAY_BLOCKS 0
#define LEEWAY_DOUBLES 1
#define REAL double
#define FN(name) leeway_row_float64_##name
#include "kernels/machine.inc"
#undef REAL
#undef FN
#undef LEEWAY_DOUBLES
#define LEEWAY_DOUBLES 0
#define REAL float
#define FN(name) leeway_row_float32_##name
#include "kernels/machine.inc"
#undef REAL
#undef FN
#undef LEEWAY_BLOCKS
#undef LEEWAY_DOUBLES

size_t leeway_plan_workspace_bytes(const void *plan) {
    const leeway_plan_header *header = plan;
    return (size_t)header->n_values * header->value_bytes;
}

void leeway_plan_score(const void *plan, const float *row, void *workspace, double *scores) {
    const leeway_plan_header *header = plan;
    uint8_t refused;
    if (header->value_bytes == sizeof(double)) {
        const leeway_row_float64_context context = {plan, row, header->n_features, 1, 1, 1, workspace, &refused};
        leeway_row_float64_run(&context, scores);
    } else {
        const leeway_row_float32_context context = {plan, row, header->n_features, 1, 1, 1, workspace, &refused};
        leeway_row_float32_run(&context, scores);
    }
}

#ifndef LEEWAY_SINGLE_ROWS_ONLY
#define LEEWAY_BLOCKS 1
#define LEEWAY_DOUBLES 1
#define REAL double
#define FN(name) leeway_block_float64_##name
#include "kernels/machine.inc"
#undef REAL
#undef FN
#undef LEEWAY_DOUBLES
#define LEEWAY_DOUBLES 0
#define REAL float
#define FN(name) leeway_block_float32_##name
#include "kernels/machine.inc"
#undef REAL
#undef FN
#undef LEEWAY_BLOCKS
#undef LEEWAY_DOUBLES

/* Rows of a block: many where a row needs few values, a multiple of LEEWAY_LANES. */
static uint32_t block_rows(const leeway_plan_header *header) {
    const size_t row_bytes = leeway_plan_workspace_bytes(header);
    const size_t rows = LEEWAY_BLOCK_BYTES / row_bytes / LEEWAY_LANES * LEEWAY_LANES;
    return rows < LEEWAY_LANES ? LEEWAY_LANES : rows > LEEWAY_MAX_BLOCK ? LEEWAY_MAX_BLOCK : (uint32_t)rows;
}

size_t leeway_plan_block_workspace_bytes(const void *plan) {
    return block_rows(plan) * leeway_plan_workspace_bytes(plan);
}

void leeway_plan_score_rows(const void *plan, const float *rows, size_t n_rows, void *workspace, double *scores) {
    const leeway_plan_header *header = plan;
    const uint32_t stride = block_rows(header);
    uint8_t refused[LEEWAY_MAX_BLOCK];
    while (n_rows > 0) {
        const uint32_t n = n_rows < stride ? (uint32_t)n_rows : stride;
        const uint32_t n_lanes = (n + LEEWAY_LANES - 1) / LEEWAY_LANES * LEEWAY_LANES;
        if (header->value_bytes == sizeof(double)) {
            const leeway_block_float64_context context = {plan,    rows,   header->n_features, n,
                                                          n_lanes, stride, workspace,          refused};
            leeway_block_float64_run(&context, scores);
        } else {
            const leeway_block_float32_context context = {plan,    rows,   header->n_features, n,
                                                          n_lanes, stride, workspace,          refused};
            leeway_block_float32_run(&context, scores);
        }
        rows += (size_t)n * header->n_features;
        scores += (size_t)n * header->n_outputs;
        n_rows -= n;
    }
}
#endif
