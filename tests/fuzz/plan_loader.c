/* libFuzzer's target: whatever passes leeway_plan_check() is executed under sanitizers.
 *
 * A byte read or written outside the plan, the row or the scores is a hole in the check, and ends
 * the process. The plan is copied to memory of exactly its size, so that its end is seen.
 */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 3

/* Rows of ordinary numbers, of numbers at the edges of float32, and of NaN among others. */
static void fill(float *rows, uint32_t n_features) {
    static const float edges[] = {0.0f, -0.0f, INFINITY, -INFINITY, 3.4e38f, 1e-45f};
    uint32_t i;
    for (i = 0; i < n_features; i++) {
        rows[i] = (float)(i % 7) - 2.5f;
        rows[n_features + i] = edges[i % 6];
        rows[2 * n_features + i] = i % 3 ? (float)i : NAN;
    }
}

static void execute(const void *plan) {
    const leeway_plan_header *header = plan;
    float *rows = malloc((size_t)ROWS * header->n_features * sizeof *rows);
    double *scores = malloc(header->n_outputs * sizeof *scores);
    uint32_t row;
    fill(rows, header->n_features);
    for (row = 0; row < ROWS; row++) leeway_plan_score(plan, rows + (size_t)row * header->n_features, scores);
    free(rows);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *plan = malloc(size ? size : 1);
    memcpy(plan, data, size);
    if (leeway_plan_check(plan, size) == LEEWAY_PLAN_OK) execute(plan);
    free(plan);
    return 0;
}
