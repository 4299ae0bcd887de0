/* libFuzzer's target: whatever passes leeway_plan_check() is executed under sanitizers.
 *
 * A byte read or written outside the plan, the rows, the workspace or the scores is a hole in the
 * check, and ends the process; so does a score that depends on what the workspace held before, on
 * whether its row was scored alone or in a block, or on the processor's vectors. All memory is
 * exactly as large as is asked for, so that its end is seen.
 */
#include "explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 19  /* more than fill the lanes of a block once */
#define MOST_VALUES ((uint64_t)1 << 14)  /* that all operations together may write: more take too long */

static void *room(size_t bytes, int fill) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, bytes) != 0) abort();
    return memset(memory, fill, bytes);
}

/* Rows of ordinary numbers, of numbers at the edges of float32, and of NaN among others. */
static void fill(float *rows, uint32_t n_features) {
    static const float edges[] = {0.0f, -0.0f, INFINITY, -INFINITY, 3.4e38f, 1e-45f};
    uint32_t row, i;
    for (row = 0; row < ROWS; row++, rows += n_features)
        for (i = 0; i < n_features; i++)
            rows[i] = row % 3 == 0   ? (float)(i % 7) - 2.5f + (float)row
                      : row % 3 == 1 ? edges[(i + row) % 6]
                      : i % 3        ? (float)i
                                     : NAN;
}

/* Equal to the last bit, but for NaN, of which there are many. */
static void hold_equal(const double *one, const double *other, size_t count) {
    size_t i;
    for (i = 0; i < count; i++)
        if (memcmp(&one[i], &other[i], sizeof *one) != 0 && !(isnan(one[i]) && isnan(other[i]))) abort();
}

static void score_each(const leeway_kernels *kernels, const void *plan, const float *rows, int held, double *scores) {
    const leeway_plan_header *header = plan;
    uint32_t row;
    for (row = 0; row < ROWS; row++, rows += header->n_features, scores += header->n_outputs) {
        void *workspace = room(leeway_plan_workspace_bytes(plan), held);
        kernels->score(plan, rows, workspace, scores);
        free(workspace);
    }
}

static void score_together(const leeway_kernels *kernels, const void *plan, const float *rows, int held,
                           double *scores) {
    void *tables = room(leeway_plan_batch_tables_bytes(plan), held);
    void *workspace = room(leeway_plan_block_workspace_bytes(plan), held);
    leeway_plan_make_batch_tables(plan, tables);
    kernels->score_rows(plan, tables, rows, ROWS, workspace, scores);
    free(tables);
    free(workspace);
}

/* Trees read values that an operation before them has packed as float32. What has been packed and is
 * read as something else, or the other way round, lies inside the workspace but has no meaning. */
static int packs_values(const leeway_plan_header *header) {
    const leeway_operation *operation = (const leeway_operation *)(header + 1);
    const leeway_operation *end = operation + header->n_operations;
    for (; operation < end; operation++) {
        const int is_trees = operation->kind == LEEWAY_TREES || operation->kind == LEEWAY_WIDE_TREES;
        if (operation->kind == LEEWAY_FLOAT32 || (is_trees && !(operation->input & LEEWAY_OF_ROW))) return 1;
    }
    return 0;
}

static void execute(const void *plan) {
    const leeway_plan_header *header = plan;
    const size_t n_scores = (size_t)ROWS * header->n_outputs, bytes = n_scores * sizeof(double);
    float *rows = room((size_t)ROWS * header->n_features * sizeof *rows, 0);
    double *plain = room(bytes, 0), *scores = room(bytes, 0);
    const leeway_kernels *kernels;
    uint32_t level;
    fill(rows, header->n_features);
    score_each(leeway_kernels_of(0), plan, rows, 0, plain);
    for (level = 0; (kernels = leeway_kernels_of(level)) != NULL; level++) {
        score_each(kernels, plan, rows, 0xa5, scores);
        if (!packs_values(header)) hold_equal(plain, scores, n_scores);
        score_together(kernels, plan, rows, 0x5a, scores);
        if (!packs_values(header)) hold_equal(plain, scores, n_scores);
    }
    free(rows);
    free(plain);
    free(scores);
}

/* Tables to explain by, or NULL where there are none. */
static void *explain_tables(const void *plan) {
    void *scratch = room(leeway_plan_explain_scratch_bytes(plan), 0xa5), *tables = NULL;
    const size_t bytes = leeway_plan_explain_tables_bytes(plan, scratch);
    if (bytes > 0) {
        tables = room(bytes, 0xa5);
        leeway_plan_make_explain_tables(plan, scratch, tables);
    }
    free(scratch);
    return tables;
}

static void explain_each(const leeway_kernels *kernels, const void *plan, const void *tables, const float *rows,
                         double *contributions) {
    const leeway_plan_header *header = plan;
    const size_t values = ((size_t)header->n_features + 1) * leeway_plan_explained_scores(plan);
    uint32_t row;
    for (row = 0; row < ROWS; row++)
        leeway_plan_explain(kernels, plan, tables, rows + (size_t)row * header->n_features, contributions + row * values);
}

static void explain_together(const leeway_kernels *kernels, const void *plan, const void *tables, const float *rows,
                             double *contributions) {
    void *workspace = room(leeway_plan_explain_workspace_bytes(tables), 0xa5);
    leeway_plan_explain_rows(kernels, plan, tables, rows, ROWS, workspace, contributions);
    free(workspace);
}

/* With these tables, or without: the same to the last bit on every processor, alone and in a block. */
static void explain_by(const void *plan, const void *tables, const float *rows) {
    const leeway_plan_header *header = plan;
    const size_t count = ROWS * ((size_t)header->n_features + 1) * leeway_plan_explained_scores(plan);
    double *plain = room(count * sizeof *plain, 0xa5), *contributions = room(count * sizeof *contributions, 0x5a);
    const leeway_kernels *kernels;
    uint32_t level;
    explain_each(leeway_kernels_of(0), plan, tables, rows, plain);
    for (level = 0; (kernels = leeway_kernels_of(level)) != NULL; level++) {
        explain_each(kernels, plan, tables, rows, contributions);
        hold_equal(plain, contributions, count);
        explain_together(kernels, plan, tables, rows, contributions);
        hold_equal(plain, contributions, count);
    }
    free(plain);
    free(contributions);
}

static void explain(const void *plan) {
    const leeway_plan_header *header = plan;
    float *rows;
    void *tables;
    if (leeway_plan_explained_scores(plan) == 0) return;
    rows = room((size_t)ROWS * header->n_features * sizeof *rows, 0);
    fill(rows, header->n_features);
    tables = explain_tables(plan);
    explain_by(plan, tables, rows);
    explain_by(plan, NULL, rows);
    free(tables);
    free(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *memory = room(8 + size, 0), *plan = memory + 8; /* 8 bytes is all that plans are aligned to */
    const leeway_plan_header *header = (const leeway_plan_header *)plan;
    memcpy(plan, data, size);
    if (leeway_plan_check(plan, size) == LEEWAY_PLAN_OK)
        if ((uint64_t)header->n_values * header->n_operations <= MOST_VALUES) {
            execute(plan);
            explain(plan);
        }
    free(memory);
    return 0;
}
