/* The kernels: one row through a checked plan. See kernels.h. */
#include "kernels.h"

#include <math.h>

#define LEAF_MASK 0x003fffffu
#define LANES 8  /* trees walked at once: hides the latency of one walk behind the others */

static uint32_t leaf_of(float threshold) {
    union { float value; uint32_t bits; } view;
    view.value = threshold;
    return view.bits & LEAF_MASK;
}

/* scores[k] += base[k] + sum_i weights[k][i] * (row[i] - center[i]), in four running sums. */
static void score_linear(const uint8_t *plan, const leeway_operation *operation, uint32_t n_features,
                         const float *row, double *scores) {
    const double *weights = (const double *)(plan + operation->weights);
    const double *center = (const double *)(plan + operation->center);
    const double *base = (const double *)(plan + operation->base);
    uint32_t k, i, lane;
    for (k = 0; k < operation->width; k++, weights += n_features) {
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        for (i = 0; i + 4 <= n_features; i += 4)
            for (lane = 0; lane < 4; lane++) sums[lane] += weights[i + lane] * ((double)row[i + lane] - center[i + lane]);
        for (; i < n_features; i++) sums[0] += weights[i] * ((double)row[i] - center[i]);
        scores[k] += base[k] + ((sums[0] + sums[1]) + (sums[2] + sums[3]));
    }
}

static void add_leaf(const double *values, uint32_t width, uint32_t leaf, double *scores) {
    const double *value = values + (size_t)leaf * width;
    uint32_t k;
    for (k = 0; k < width; k++) scores[k] += value[k];
}

/* Walk `lanes` neighbouring trees together until all of them stand on a leaf, then add the
 * leaves in the trees' order. A row without NaN needs one comparison a step. */
#define DEFINE_WALK(NAME, NODE)                                                                          \
    static inline void NAME(const NODE *nodes, const leeway_tree *trees, uint32_t lanes, const float *row, \
                            const double *values, uint32_t width, double *scores) {                      \
        const NODE *root[LANES];                                                                         \
        uint32_t at[LANES];                                                                              \
        uint32_t lane, moved;                                                                            \
        for (lane = 0; lane < lanes; lane++) {                                                           \
            root[lane] = nodes + trees[lane].first_node;                                                 \
            at[lane] = 0;                                                                                \
        }                                                                                                \
        do {                                                                                             \
            moved = 0;                                                                                   \
            for (lane = 0; lane < lanes; lane++) {                                                       \
                const NODE *node = root[lane] + at[lane];                                                \
                const uint32_t next = (uint32_t)node->left + (row[node->feature] > node->threshold);     \
                moved |= next ^ at[lane];                                                                \
                at[lane] = next;                                                                         \
            }                                                                                            \
        } while (moved);                                                                                 \
        for (lane = 0; lane < lanes; lane++)                                                             \
            add_leaf(values, width, trees[lane].first_leaf + leaf_of(root[lane][at[lane]].threshold),    \
                     scores + trees[lane].output);                                                       \
    }

/* The same for one tree and a row with NaN in it: the node's bit says where NaN goes. */
#define DEFINE_WALK_MISSING(NAME, NODE)                                                                  \
    static void NAME(const NODE *nodes, const uint8_t *missing, const leeway_tree *tree, const float *row, \
                     const double *values, uint32_t width, double *scores) {                             \
        uint32_t at = tree->first_node;                                                                  \
        for (;;) {                                                                                       \
            const NODE *node = nodes + at;                                                               \
            const float value = row[node->feature];                                                      \
            const uint32_t left = tree->first_node + node->left;                                         \
            if (left == at) break;                                                                       \
            at = left + (value != value ? !(missing[at >> 3] >> (at & 7) & 1) : value > node->threshold); \
        }                                                                                                \
        add_leaf(values, width, tree->first_leaf + leaf_of(nodes[at].threshold), scores + tree->output); \
    }

DEFINE_WALK(walk, leeway_node)
DEFINE_WALK(walk_wide, leeway_wide_node)
DEFINE_WALK_MISSING(walk_missing, leeway_node)
DEFINE_WALK_MISSING(walk_missing_wide, leeway_wide_node)

static void walk_all(const uint8_t *plan, const leeway_operation *operation, const float *row, double *scores) {
    const leeway_tree *trees = (const leeway_tree *)(plan + operation->trees);
    const double *values = (const double *)(plan + operation->values);
    const void *nodes = plan + operation->nodes;
    const uint32_t width = operation->width, whole = operation->n_trees - operation->n_trees % LANES;
    uint32_t tree;
    if (operation->kind == LEEWAY_TREES) {
        for (tree = 0; tree < whole; tree += LANES) walk(nodes, trees + tree, LANES, row, values, width, scores);
        for (; tree < operation->n_trees; tree++) walk(nodes, trees + tree, 1, row, values, width, scores);
    } else {
        for (tree = 0; tree < whole; tree += LANES) walk_wide(nodes, trees + tree, LANES, row, values, width, scores);
        for (; tree < operation->n_trees; tree++) walk_wide(nodes, trees + tree, 1, row, values, width, scores);
    }
}

static void walk_all_missing(const uint8_t *plan, const leeway_operation *operation, const float *row, double *scores) {
    const leeway_tree *trees = (const leeway_tree *)(plan + operation->trees);
    const double *values = (const double *)(plan + operation->values);
    const uint8_t *missing = plan + operation->missing;
    const void *nodes = plan + operation->nodes;
    uint32_t tree;
    for (tree = 0; tree < operation->n_trees; tree++) {
        if (operation->kind == LEEWAY_TREES)
            walk_missing(nodes, missing, trees + tree, row, values, operation->width, scores);
        else
            walk_missing_wide(nodes, missing, trees + tree, row, values, operation->width, scores);
    }
}

static int has_nan(const float *row, uint32_t n_features) {
    uint32_t i;
    int found = 0;
    for (i = 0; i < n_features; i++) found |= row[i] != row[i];
    return found;
}

/* scores[k] = (scores[k] + base[k] + the trees' leaves) / divisor: scikit-learn's own order. */
static void score_trees(const uint8_t *plan, const leeway_operation *operation, uint32_t n_features,
                        uint32_t n_scores, const float *row, double *scores) {
    const double *base = (const double *)(plan + operation->base);
    const int missing = has_nan(row, n_features);
    uint32_t k;
    if (missing && operation->missing == 0) {
        for (k = 0; k < n_scores; k++) scores[k] = NAN;
        return;
    }
    for (k = 0; k < n_scores; k++) scores[k] += base[k];
    if (missing)
        walk_all_missing(plan, operation, row, scores);
    else
        walk_all(plan, operation, row, scores);
    for (k = 0; k < n_scores; k++) scores[k] /= operation->divisor;
}

static double sigmoid(double score) { return 1.0 / (1.0 + exp(-score)); }

static void divide_by(double *scores, uint32_t n_scores, double divisor) {
    uint32_t k;
    for (k = 0; k < n_scores; k++) scores[k] /= divisor;
}

/* The greatest score is taken off first, so that exp() does not overflow. */
static void softmax(double *scores, uint32_t n_scores) {
    double greatest = scores[0], sum = 0.0;
    uint32_t k;
    for (k = 1; k < n_scores; k++)
        if (scores[k] > greatest) greatest = scores[k];
    for (k = 0; k < n_scores; k++) {
        scores[k] = exp(scores[k] - greatest);
        sum += scores[k];
    }
    divide_by(scores, n_scores, sum);
}

/* One against the rest; should all underflow to zero, the classes are equally probable. */
static void sigmoid_normalized(double *scores, uint32_t n_scores) {
    double sum = 0.0;
    uint32_t k;
    for (k = 0; k < n_scores; k++) {
        scores[k] = sigmoid(scores[k]);
        sum += scores[k];
    }
    if (sum == 0.0) {
        for (k = 0; k < n_scores; k++) scores[k] = 1.0;
        sum = n_scores;
    }
    divide_by(scores, n_scores, sum);
}

void leeway_plan_score(const void *plan, const float *row, double *scores) {
    const leeway_plan_header *header = plan;
    const leeway_operation *operation = (const leeway_operation *)(header + 1);
    const leeway_operation *last = operation + header->n_operations - 1;
    const uint32_t n_features = header->n_features;
    const uint32_t n_scores = last->kind == LEEWAY_BINARY_SIGMOID ? 1 : header->n_outputs;
    uint32_t k;
    for (k = 0; k < n_scores; k++) scores[k] = 0.0;
    for (; operation <= last; operation++) {
        switch (operation->kind) {
        case LEEWAY_LINEAR:
            score_linear(plan, operation, n_features, row, scores);
            break;
        case LEEWAY_TREES:
        case LEEWAY_WIDE_TREES:
            score_trees(plan, operation, n_features, n_scores, row, scores);
            break;
        case LEEWAY_EXPONENTIAL:
            for (k = 0; k < n_scores; k++) scores[k] = exp(scores[k]);
            break;
        case LEEWAY_BINARY_SIGMOID:
            scores[1] = sigmoid(scores[0]);
            scores[0] = 1.0 - scores[1];
            break;
        case LEEWAY_SOFTMAX:
            softmax(scores, n_scores);
            break;
        case LEEWAY_SIGMOID_NORMALIZED:
            sigmoid_normalized(scores, n_scores);
            break;
        }
    }
}
