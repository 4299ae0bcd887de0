/* Contributions of features. See explain.h. */
#include "explain.h"

#include <math.h>
#include <string.h>

#include "kernels/nodes.inc"
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

static void explain_linear(const uint8_t *plan, const leeway_operation *operation, const float *row,
                           double *contributions) {
    const double *weights = (const double *)(plan + operation->tables[LEEWAY_LINEAR_WEIGHTS]);
    const double *center = (const double *)(plan + operation->tables[LEEWAY_LINEAR_CENTER]);
    const double *base = (const double *)(plan + operation->tables[LEEWAY_LINEAR_BASE]);
    const double *mean = (const double *)(plan + operation->tables[LEEWAY_LINEAR_REFERENCE]);
    const uint32_t n = operation->input_width, width = operation->output_width;
    uint32_t i, k;
    for (k = 0; k < width; k++, weights += n) {
        double expected = base[k];
        for (i = 0; i < n; i++) {
            contributions[(size_t)i * width + k] = weights[i] * ((double)row[i] - mean[i]);
            expected += weights[i] * (mean[i] - center[i]);
        }
        contributions[(size_t)n * width + k] = expected;
    }
}

static int has_missing(const float *row, uint32_t n) {
    uint32_t i;
    int found = 0;
    for (i = 0; i < n; i++) found |= row[i] != row[i];
    return found;
}

#include "kernels/explained_trees.inc"

static int is_refused(const leeway_operation *operation, const float *row, uint32_t n) {
    return !(is_trees(operation) && operation->tables[LEEWAY_TREES_MISSING]) && has_missing(row, n);
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
    leeway_paths paths;
    leeway_path_view view;
    if (operation == NULL) return 0;
    view = view_paths(plan, operation, scratch);
    return measure_paths(&view, &paths) ? paths_bytes(operation, &paths) : 0;
}

void leeway_plan_make_explain_tables(const void *plan, void *scratch, void *tables) {
    const leeway_operation *operation = tabulated_operation(plan);
    const leeway_path_view view = view_paths(plan, operation, scratch);
    leeway_paths *paths = tables;
    measure_paths(&view, paths);
    make_paths(&view, paths, (uint32_t *)(paths + 1),
               (leeway_word *)((uint8_t *)tables + paths_lines_offset(operation)));
}

void leeway_plan_explain(const void *plan, const void *tables, const float *row, double *contributions) {
    const leeway_operation *operation = explained_operation(plan);
    const uint32_t n = operation->input_width;
    size_t i;
    if (is_refused(operation, row, n))
        for (i = 0; i < (size_t)(n + 1) * operation->output_width; i++) contributions[i] = NAN;
    else if (is_trees(operation))
        explain_trees(plan, operation, tables, row, contributions);
    else
        explain_linear(plan, operation, row, contributions);
}
