/* Contributions of features. See explain.h. */
#include "explain.h"

#include <math.h>
#include <string.h>

#include "kernels/nodes.inc"
#include "kernels/lines.inc"
#include "kernels/paths.inc"

static int reads_row(const leeway_operation *operation) {
    return (operation->input & LEEWAY_OF_ROW) != 0 && operation->kind != LEEWAY_REFUSE_MISSING;
}

static int is_trees(const leeway_operation *operation) {
    return operation->kind == LEEWAY_TREES || operation->kind == LEEWAY_WIDE_TREES;
}

static int has_reference(const leeway_operation *operation) {
    if (operation->kind == LEEWAY_DOT) return operation->tables[LEEWAY_LINEAR_REFERENCE] != 0;
    return is_trees(operation) && operation->tables[LEEWAY_TREES_STEPS] != 0;
}

/* The one operation that reads the row, if it reads the whole row and has a reference. */
static const leeway_operation *explained_operation(const void *plan) {
    const leeway_plan_header *header = plan;
    const leeway_operation *operations = (const leeway_operation *)(header + 1), *found = NULL;
    uint32_t index;
    for (index = 0; index < header->n_operations; index++) {
        if (!reads_row(&operations[index])) continue;
        if (found != NULL) return NULL;
        found = &operations[index];
    }
    if (found == NULL || found->input != LEEWAY_OF_ROW || found->input_width != header->n_features) return NULL;
    return has_reference(found) ? found : NULL;
}

uint32_t leeway_plan_explained_scores(const void *plan) {
    const leeway_operation *operation = explained_operation(plan);
    return operation == NULL ? 0 : operation->output_width;
}

static int has_missing(const float *row, uint32_t n) {
    uint32_t i;
    int found = 0;
    for (i = 0; i < n; i++) found |= row[i] != row[i];
    return found;
}

#include "kernels/explained_steps.inc"

/* The raw scores at the reference. */
static void expect_linear(const uint8_t *plan, const leeway_operation *operation, double *expected) {
    const double *weights = (const double *)(plan + operation->tables[LEEWAY_LINEAR_WEIGHTS]);
    const double *center = (const double *)(plan + operation->tables[LEEWAY_LINEAR_CENTER]);
    const double *base = (const double *)(plan + operation->tables[LEEWAY_LINEAR_BASE]);
    const double *mean = (const double *)(plan + operation->tables[LEEWAY_LINEAR_REFERENCE]);
    const uint32_t n = operation->input_width, width = operation->output_width;
    uint32_t i, k;
    for (k = 0; k < width; k++, weights += n) {
        expected[k] = base[k];
        for (i = 0; i < n; i++) expected[k] += weights[i] * (mean[i] - center[i]);
    }
}

static void explain_linear(const uint8_t *plan, const leeway_operation *operation, const float *row,
                           double *contributions) {
    const double *weights = (const double *)(plan + operation->tables[LEEWAY_LINEAR_WEIGHTS]);
    const double *mean = (const double *)(plan + operation->tables[LEEWAY_LINEAR_REFERENCE]);
    const uint32_t n = operation->input_width, width = operation->output_width;
    uint32_t i, k;
    if (width == 1) {
        for (i = 0; i < n; i++) contributions[i] = weights[i] * ((double)row[i] - mean[i]);
        return;
    }
    for (k = 0; k < width; k++, weights += n)
        for (i = 0; i < n; i++) contributions[(size_t)i * width + k] = weights[i] * ((double)row[i] - mean[i]);
}

static void explain_linear_rows(const uint8_t *plan, const leeway_operation *operation, const float *rows, size_t n_rows,
                                double *contributions) {
    const uint32_t n = operation->input_width, width = operation->output_width;
    const size_t expected_at = (size_t)n * width, line = expected_at + width;
    size_t row, i;
    expect_linear(plan, operation, contributions + expected_at);
    /* From the last row: the first one's keeps what is expected. */
    for (row = n_rows; row-- > 0;) {
        double *of_row = contributions + row * line;
        explain_linear(plan, operation, rows + row * n, of_row);
        memcpy(of_row + expected_at, contributions + expected_at, width * sizeof *of_row);
    }
    for (row = 0; row < n_rows; row++)
        if (has_missing(rows + row * n, n))
            for (i = 0; i < line; i++) contributions[row * line + i] = NAN;
}

/* The operation whose contributions tables help to add up. */
static const leeway_operation *tabulated_operation(const void *plan) {
    const leeway_operation *operation = explained_operation(plan);
    return operation != NULL && is_trees(operation) ? operation : NULL;
}

size_t leeway_plan_explain_scratch_bytes(const void *plan) {
    const leeway_operation *operation = tabulated_operation(plan);
    return operation == NULL ? 0 : (size_t)operation->sizes[LEEWAY_N_NODES] * sizeof(uint32_t);
}

size_t leeway_plan_explain_tables_bytes(const void *plan, void *scratch) {
    const leeway_operation *operation = tabulated_operation(plan);
    uint32_t tables[8];
    leeway_paths paths;
    leeway_path_view view;
    size_t bytes;
    if (operation == NULL) return 0;
    view = view_paths(plan, operation, scratch);
    bytes = measure_paths(&view, &paths) ? place_tables(operation, &paths, tables) : 0;
    if (bytes > 0 && paths.is_dense) bytes += leeway_plan_batch_tables_bytes(plan);
    return bytes > LEEWAY_MAX_PATHS_BYTES ? 0 : bytes;
}

void leeway_plan_make_explain_tables(const void *plan, void *scratch, void *tables) {
    const leeway_path_view view = view_paths(plan, tabulated_operation(plan), scratch);
    leeway_paths paths;
    measure_paths(&view, &paths);
    make_image(&view, &paths, tables);
}

static int explains_rows_together(const void *tables) { return tables != NULL && leeway_image_paths(tables)->is_dense; }

size_t leeway_plan_explain_workspace_bytes(const void *tables) {
    if (!explains_rows_together(tables)) return 0;
    return LEEWAY_EXPLAINED_ROWS * sizeof(float) *
           (leeway_image_paths(tables)->n_sums + (size_t)leeway_image_operation(tables)->input_width);
}

void leeway_plan_explain(const leeway_kernels *kernels, const void *plan, const void *tables, const float *row,
                         double *contributions) {
    const leeway_operation *operation = explained_operation(plan);
    if (!is_trees(operation)) explain_linear_rows(plan, operation, row, 1, contributions);
    else if (tables == NULL) explain_steps(plan, operation, row, contributions);
    /* Entries fill no vectors: the shortest are as good. */
    else (leeway_image_paths(tables)->is_dense ? kernels : leeway_kernels_of(0))->explain_trees(tables, row, contributions);
}

void leeway_plan_explain_rows(const leeway_kernels *kernels, const void *plan, const void *tables, const float *rows,
                              size_t n_rows, void *workspace, double *contributions) {
    const leeway_operation *operation = explained_operation(plan);
    const size_t n = operation->input_width, line = (n + 1) * operation->output_width;
    size_t row;
    if (!is_trees(operation)) {
        explain_linear_rows(plan, operation, rows, n_rows, contributions);
        return;
    }
    if (explains_rows_together(tables)) {
        kernels->explain_trees_rows(tables, rows, n_rows, workspace, contributions);
        return;
    }
    for (row = 0; row < n_rows; row++)
        leeway_plan_explain(kernels, plan, tables, rows + row * n, contributions + row * line);
}
