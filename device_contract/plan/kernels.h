/* Plans: models as data, executed in place.
 *
 * A plan is a little-endian file: a header, a table of operations, and the tables to
 * which they point (docs/formats/plan.md). leeway_plan_check() looks at every offset,
 * count and index once; a plan that has passed is executed without a further check by
 * leeway_plan_score(). Nothing here allocates, keeps state, or needs more than math.h,
 * so the same two files serve the agent and a microcontroller.
 *
 * C99, little-endian, IEEE 754. Build with -ffp-contract=off: a fused multiply-add
 * would round differently on each processor.
 */
#ifndef LEEWAY_KERNELS_H
#define LEEWAY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define LEEWAY_PLAN_MAGIC "LEEWAYPL"
#define LEEWAY_PLAN_VERSION 1u
#define LEEWAY_PLAN_ALIGNMENT 64u  /* of the tables, in bytes, from the start of the plan */
#define LEEWAY_PLAN_MAX_OPERATIONS 16u
#define LEEWAY_PLAN_MAX_FEATURES 65535u
#define LEEWAY_PLAN_MAX_OUTPUTS 4096u

enum leeway_operation_kind {
    LEEWAY_LINEAR = 1,
    LEEWAY_TREES = 2,       /* nodes of 8 bytes: at most 65536 nodes a tree */
    LEEWAY_WIDE_TREES = 3,  /* nodes of 12 bytes */
    LEEWAY_EXPONENTIAL = 4,
    LEEWAY_BINARY_SIGMOID = 5,
    LEEWAY_SOFTMAX = 6,
    LEEWAY_SIGMOID_NORMALIZED = 7
};

typedef struct {
    char magic[8];
    uint32_t version;
    uint32_t n_features;
    uint32_t n_outputs;
    uint32_t n_operations;
    uint64_t size_bytes;
    uint8_t reserved[32];
} leeway_plan_header;

/* Offsets count bytes from the start of the plan; 0 where a table is absent. */
typedef struct {
    uint32_t kind;
    uint32_t width;      /* linear: scores; trees: values of a leaf; else 0 */
    uint32_t n_trees;
    uint32_t n_nodes;
    uint32_t n_leaves;   /* rows of the table of values */
    uint32_t reserved;
    double divisor;      /* trees: the scores are divided by it at last */
    uint32_t weights;    /* linear: double[width][n_features] */
    uint32_t center;     /* linear: double[n_features], taken from the row first */
    uint32_t base;       /* linear and trees: double[n_scores], added first */
    uint32_t trees;      /* leeway_tree[n_trees] */
    uint32_t nodes;      /* leeway_node[n_nodes] or leeway_wide_node[n_nodes] */
    uint32_t missing;    /* one bit a node: NaN goes to the first child; 0: NaN is refused */
    uint32_t values;     /* double[n_leaves][width] */
    uint32_t reserved_2;
} leeway_operation;

typedef struct {
    uint32_t first_node;
    uint32_t n_nodes;
    uint32_t first_leaf;
    uint32_t output;     /* the leaf's values are added to scores[output ...] */
} leeway_tree;

/* A node goes to `left` if row[feature] <= threshold, else to `left + 1`. Indices count
 * from the tree's first node; children come after their parent. A leaf points at itself,
 * and its threshold is a quiet NaN, so that the comparison never moves on; the low 22
 * bits of the NaN are the leaf's position after the tree's `first_leaf`. */
typedef struct {
    float threshold;
    uint16_t feature;
    uint16_t left;
} leeway_node;

typedef struct {
    float threshold;
    uint32_t feature;
    uint32_t left;
} leeway_wide_node;

typedef enum {
    LEEWAY_PLAN_OK = 0,
    LEEWAY_PLAN_TRUNCATED,
    LEEWAY_PLAN_NOT_A_PLAN,
    LEEWAY_PLAN_UNKNOWN_VERSION,
    LEEWAY_PLAN_BAD_DIMENSIONS,
    LEEWAY_PLAN_UNKNOWN_OPERATION,
    LEEWAY_PLAN_BAD_OPERATION,
    LEEWAY_PLAN_BAD_TABLE,
    LEEWAY_PLAN_BAD_TREE,
    LEEWAY_PLAN_BAD_NODE
} leeway_plan_status;

/* Check a plan of size_bytes at an address that is a multiple of 8. */
leeway_plan_status leeway_plan_check(const void *plan, size_t size_bytes);

/* Say in one line what a status means. */
const char *leeway_plan_status_text(leeway_plan_status status);

/* Score one row of n_features floats into n_outputs doubles. The plan must have passed
 * leeway_plan_check(). Safe from several threads. */
void leeway_plan_score(const void *plan, const float *row, double *scores);

#endif
