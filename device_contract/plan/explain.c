/* Contributions of features. See explain.h. */
#include "explain.h"

#include <math.h>

#include "kernels/nodes.inc"

#define WALKS 4u  /* trees walked at once, as for scores */

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

/* A node's steps are its mean scores less those of its parent; a root's, its mean scores.
 * Each walk adds to sums of its own where there is room for them: a sum that two walks add
 * to at once would make one wait for the other. */
#define OWN_SUMS 256u

typedef struct {
    const float *steps;
    float *sums;
    uint32_t apart;  /* how far the sums of one walk are from those of the next */
    uint32_t width;
} explanation;

/* `bits` are all ones to add the steps, or zero to add nothing. */
#define ADD_STEPS(WALK, INDEX, FEATURE, OUTPUT, BITS)                                                         \
    for (k = 0; k < leaf_width; k++)                                                                          \
        to->sums[(size_t)(WALK) * to->apart + (size_t)(FEATURE) * to->width + (OUTPUT) + k] +=                \
            masked(to->steps[(size_t)(INDEX) * leaf_width + k], BITS)

static inline float masked(float value, uint32_t bits) {
    union { float value; uint32_t bits; } view;
    view.value = value;
    view.bits &= bits;
    return view.value;
}

#define DEFINE_EXPLAIN(NAME, NODE)                                                                            \
    static inline void NAME(const NODE *nodes, const leeway_tree *trees, uint32_t walks, const float *row,    \
                            uint32_t leaf_width, uint32_t width, const explanation *to) {                     \
        const NODE *root[WALKS];                                                                              \
        const float *steps[WALKS];                                                                            \
        float *sums[WALKS];                                                                                   \
        uint32_t at[WALKS], walk, moved, k;                                                                   \
        for (walk = 0; walk < walks; walk++) {                                                                \
            root[walk] = nodes + trees[walk].first_node;                                                      \
            steps[walk] = to->steps + (size_t)trees[walk].first_node * leaf_width;                            \
            sums[walk] = to->sums + (size_t)walk * to->apart + trees[walk].output;                            \
            at[walk] = 0;                                                                                     \
        }                                                                                                     \
        do {                                                                                                  \
            moved = 0;                                                                                        \
            for (walk = 0; walk < walks; walk++) {                                                            \
                const NODE *node = root[walk] + at[walk];                                                     \
                const uint32_t next = (uint32_t)node->left + (row[node->feature] > node->threshold);          \
                const uint32_t goes_on = next != at[walk];                                                    \
                float *sum = sums[walk] + (size_t)node->feature * width;                                      \
                for (k = 0; k < leaf_width; k++)                                                              \
                    sum[k] += masked(steps[walk][(size_t)next * leaf_width + k], 0u - goes_on);               \
                moved |= goes_on;                                                                             \
                at[walk] = next;                                                                              \
            }                                                                                                 \
        } while (moved);                                                                                      \
    }                                                                                                         \
    static void NAME##_missing(const NODE *nodes, const uint8_t *missing, const leeway_tree *tree,            \
                               const float *row, uint32_t leaf_width, const explanation *to) {                \
        uint32_t at = tree->first_node, k;                                                                    \
        for (;;) {                                                                                            \
            const NODE *node = nodes + at;                                                                    \
            const float value = row[node->feature];                                                           \
            const uint32_t left = tree->first_node + node->left;                                              \
            if (left == at) break;                                                                            \
            at = left + (value != value ? !leeway_bit(missing, at) : value > node->threshold);                \
            ADD_STEPS(0, at, node->feature, tree->output, 0xffffffffu);                                       \
        }                                                                                                     \
    }                                                                                                         \
    static inline void NAME##_all(const NODE *nodes, const leeway_tree *trees, uint32_t n_trees,              \
                                  const float *row, uint32_t leaf_width, uint32_t width,                      \
                                  const explanation *to) {                                                    \
        uint32_t tree;                                                                                        \
        for (tree = 0; tree + WALKS <= n_trees; tree += WALKS)                                                \
            NAME(nodes, trees + tree, WALKS, row, leaf_width, width, to);                                            \
        for (; tree < n_trees; tree++) NAME(nodes, trees + tree, 1, row, leaf_width, width, to);                     \
    }

DEFINE_EXPLAIN(explain_narrow, leeway_node)
DEFINE_EXPLAIN(explain_wide, leeway_wide_node)

static int has_missing(const float *row, uint32_t n) {
    uint32_t i;
    int found = 0;
    for (i = 0; i < n; i++) found |= row[i] != row[i];
    return found;
}

/* Narrow trees of up to three scores have code of their own. */
static void walk_all(const uint8_t *plan, const leeway_operation *operation, const float *row, const explanation *to) {
    const void *nodes = plan + operation->tables[LEEWAY_TREES_NODES];
    const leeway_tree *trees = (const leeway_tree *)(plan + operation->tables[LEEWAY_TREES_TREES]);
    const uint32_t n_trees = operation->sizes[LEEWAY_N_TREES], leaf_width = operation->sizes[LEEWAY_LEAF_WIDTH];
    const uint32_t width = operation->output_width;
    if (operation->kind == LEEWAY_WIDE_TREES) explain_wide_all(nodes, trees, n_trees, row, leaf_width, width, to);
    else if (leaf_width == 1 && width == 1) explain_narrow_all(nodes, trees, n_trees, row, 1, 1, to);
    else if (leaf_width == 2 && width == 2) explain_narrow_all(nodes, trees, n_trees, row, 2, 2, to);
    else if (leaf_width == 3 && width == 3) explain_narrow_all(nodes, trees, n_trees, row, 3, 3, to);
    else explain_narrow_all(nodes, trees, n_trees, row, leaf_width, width, to);
}

static void walk_all_missing(const uint8_t *plan, const leeway_operation *operation, const float *row,
                             const explanation *to) {
    const void *nodes = plan + operation->tables[LEEWAY_TREES_NODES];
    const uint8_t *missing = plan + operation->tables[LEEWAY_TREES_MISSING];
    const leeway_tree *trees = (const leeway_tree *)(plan + operation->tables[LEEWAY_TREES_TREES]);
    const uint32_t leaf_width = operation->sizes[LEEWAY_LEAF_WIDTH];
    uint32_t tree;
    for (tree = 0; tree < operation->sizes[LEEWAY_N_TREES]; tree++) {
        if (operation->kind == LEEWAY_TREES) explain_narrow_missing(nodes, missing, trees + tree, row, leaf_width, to);
        else explain_wide_missing(nodes, missing, trees + tree, row, leaf_width, to);
    }
}

static void explain_trees(const uint8_t *plan, const leeway_operation *operation, const float *row,
                          double *contributions) {
    const float *steps = (const float *)(plan + operation->tables[LEEWAY_TREES_STEPS]);
    const uint32_t n = operation->input_width, width = operation->output_width;
    const double *expected = (const double *)(plan + operation->tables[LEEWAY_TREES_EXPECTED]);
    const double divisor = operation->parameters[0];
    const size_t count = (size_t)n * width;
    const int own = count <= OWN_SUMS;
    float sums[WALKS * OWN_SUMS];
    const explanation to = {steps, own ? sums : (float *)contributions, own ? (uint32_t)count : 0, width};
    size_t i, walk;
    for (i = 0; i < (own ? WALKS * count : count); i++) to.sums[i] = 0.0f;
    if (has_missing(row, n))
        walk_all_missing(plan, operation, row, &to);
    else
        walk_all(plan, operation, row, &to);
    for (i = count; i-- > 0;) {  /* from the last: shared sums lie where the contributions go */
        double sum = (double)to.sums[i];
        if (own)
            for (walk = 1; walk < WALKS; walk++) sum += (double)sums[walk * count + i];
        contributions[i] = sum / divisor;
    }
    for (i = 0; i < width; i++) contributions[count + i] = expected[i];
}

static int is_refused(const leeway_operation *operation, const float *row, uint32_t n) {
    return !(is_trees(operation) && operation->tables[LEEWAY_TREES_MISSING]) && has_missing(row, n);
}

void leeway_plan_explain(const void *plan, const float *row, double *contributions) {
    const leeway_operation *operation = explained_operation(plan);
    const uint32_t n = operation->input_width;
    size_t i;
    if (is_refused(operation, row, n))
        for (i = 0; i < (size_t)(n + 1) * operation->output_width; i++) contributions[i] = NAN;
    else if (is_trees(operation))
        explain_trees(plan, operation, row, contributions);
    else
        explain_linear(plan, operation, row, contributions);
}
