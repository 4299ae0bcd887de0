/* The check of a plan: after it, leeway_plan_score() cannot read outside the plan nor
 * run for ever, whatever the bytes say. It is linear in the plan's size. */
#include "kernels.h"

#define QUIET_NAN 0x7fc00000u
#define LEAF_MASK 0x003fffffu

typedef struct {
    const uint8_t *bytes;
    size_t size_bytes;
    const leeway_plan_header *header;
} plan_view;

static int table_fits(const plan_view *plan, uint32_t offset, uint64_t count, uint64_t item_bytes) {
    const uint64_t tables = sizeof(leeway_plan_header) + plan->header->n_operations * sizeof(leeway_operation);
    if (offset % LEEWAY_PLAN_ALIGNMENT != 0 || offset < tables || offset > plan->size_bytes) return 0;
    return count <= (plan->size_bytes - offset) / item_bytes;
}

static uint32_t float_bits(float value) {
    union { float value; uint32_t bits; } view;
    view.value = value;
    return view.bits;
}

/* One node, of either form: a leaf that points into the values, or a split whose children
 * come after it and are inside the tree. */
static int node_is_sound(const plan_view *plan, const leeway_operation *operation, const leeway_tree *tree,
                         uint32_t index, float threshold, uint32_t feature, uint32_t left) {
    const uint32_t bits = float_bits(threshold);
    if (feature >= plan->header->n_features) return 0;
    if (left == index) {
        if ((bits & ~LEAF_MASK) != QUIET_NAN) return 0;
        return (uint64_t)tree->first_leaf + (bits & LEAF_MASK) < operation->n_leaves;
    }
    return threshold == threshold && left > index && left < tree->n_nodes - 1;
}

static leeway_plan_status check_nodes(const plan_view *plan, const leeway_operation *operation,
                                      const leeway_tree *tree) {
    const void *table = plan->bytes + operation->nodes;
    uint32_t index;
    for (index = 0; index < tree->n_nodes; index++) {
        int sound;
        if (operation->kind == LEEWAY_TREES) {
            const leeway_node *node = (const leeway_node *)table + tree->first_node + index;
            sound = node_is_sound(plan, operation, tree, index, node->threshold, node->feature, node->left);
        } else {
            const leeway_wide_node *node = (const leeway_wide_node *)table + tree->first_node + index;
            sound = node_is_sound(plan, operation, tree, index, node->threshold, node->feature, node->left);
        }
        if (!sound) return LEEWAY_PLAN_BAD_NODE;
    }
    return LEEWAY_PLAN_OK;
}

static leeway_plan_status check_trees(const plan_view *plan, const leeway_operation *operation, uint32_t n_scores) {
    const leeway_tree *trees = (const leeway_tree *)(plan->bytes + operation->trees);
    const uint64_t node_bytes = operation->kind == LEEWAY_TREES ? sizeof(leeway_node) : sizeof(leeway_wide_node);
    uint64_t next_node = 0;
    uint32_t index;
    if (operation->width == 0 || operation->width > n_scores) return LEEWAY_PLAN_BAD_OPERATION;
    if (!(operation->divisor > 0.0)) return LEEWAY_PLAN_BAD_OPERATION;
    if (!table_fits(plan, operation->base, n_scores, sizeof(double)) ||
        !table_fits(plan, operation->trees, operation->n_trees, sizeof(leeway_tree)) ||
        !table_fits(plan, operation->nodes, operation->n_nodes, node_bytes) ||
        !table_fits(plan, operation->values, (uint64_t)operation->n_leaves * operation->width, sizeof(double)) ||
        (operation->missing != 0 && !table_fits(plan, operation->missing, ((uint64_t)operation->n_nodes + 7) / 8, 1)))
        return LEEWAY_PLAN_BAD_TABLE;
    for (index = 0; index < operation->n_trees; index++) {
        const leeway_tree *tree = &trees[index];
        leeway_plan_status status;
        /* Trees follow one another, so that each node is looked at once. */
        if (tree->n_nodes == 0 || tree->first_node != next_node) return LEEWAY_PLAN_BAD_TREE;
        next_node += tree->n_nodes;
        if (next_node > operation->n_nodes) return LEEWAY_PLAN_BAD_TREE;
        if (tree->output > n_scores - operation->width) return LEEWAY_PLAN_BAD_TREE;
        status = check_nodes(plan, operation, tree);
        if (status != LEEWAY_PLAN_OK) return status;
    }
    return LEEWAY_PLAN_OK;
}

static leeway_plan_status check_linear(const plan_view *plan, const leeway_operation *operation, uint32_t n_scores) {
    const uint64_t n_features = plan->header->n_features;
    if (operation->width != n_scores) return LEEWAY_PLAN_BAD_OPERATION;
    if (!table_fits(plan, operation->weights, operation->width * n_features, sizeof(double)) ||
        !table_fits(plan, operation->center, n_features, sizeof(double)) ||
        !table_fits(plan, operation->base, n_scores, sizeof(double)))
        return LEEWAY_PLAN_BAD_TABLE;
    return LEEWAY_PLAN_OK;
}

static leeway_plan_status check_operation(const plan_view *plan, const leeway_operation *operation,
                                          uint32_t n_scores, int is_last) {
    switch (operation->kind) {
    case LEEWAY_LINEAR:
        return check_linear(plan, operation, n_scores);
    case LEEWAY_TREES:
    case LEEWAY_WIDE_TREES:
        return check_trees(plan, operation, n_scores);
    case LEEWAY_BINARY_SIGMOID:
        return is_last && plan->header->n_outputs == 2 ? LEEWAY_PLAN_OK : LEEWAY_PLAN_BAD_OPERATION;
    case LEEWAY_EXPONENTIAL:
    case LEEWAY_SOFTMAX:
    case LEEWAY_SIGMOID_NORMALIZED:
        return is_last ? LEEWAY_PLAN_OK : LEEWAY_PLAN_BAD_OPERATION;
    default:
        return LEEWAY_PLAN_UNKNOWN_OPERATION;
    }
}

static leeway_plan_status check_header(const leeway_plan_header *header, size_t size_bytes) {
    static const char magic[] = LEEWAY_PLAN_MAGIC;
    uint64_t tables;
    size_t index;
    if (size_bytes < sizeof *header) return LEEWAY_PLAN_TRUNCATED;
    for (index = 0; index < sizeof header->magic; index++)
        if (header->magic[index] != magic[index]) return LEEWAY_PLAN_NOT_A_PLAN;
    if (header->version != LEEWAY_PLAN_VERSION) return LEEWAY_PLAN_UNKNOWN_VERSION;
    if (header->size_bytes != size_bytes) return LEEWAY_PLAN_TRUNCATED;
    if (header->n_features == 0 || header->n_features > LEEWAY_PLAN_MAX_FEATURES || header->n_outputs == 0 ||
        header->n_outputs > LEEWAY_PLAN_MAX_OUTPUTS || header->n_operations == 0 ||
        header->n_operations > LEEWAY_PLAN_MAX_OPERATIONS)
        return LEEWAY_PLAN_BAD_DIMENSIONS;
    tables = sizeof *header + header->n_operations * sizeof(leeway_operation);
    return tables <= size_bytes ? LEEWAY_PLAN_OK : LEEWAY_PLAN_TRUNCATED;
}

leeway_plan_status leeway_plan_check(const void *data, size_t size_bytes) {
    const leeway_plan_header *header = data;
    const leeway_operation *operations = (const leeway_operation *)(header + 1);
    plan_view plan;
    uint32_t index, n_scores;
    leeway_plan_status status = check_header(header, size_bytes);
    if (status != LEEWAY_PLAN_OK) return status;
    plan.bytes = data;
    plan.size_bytes = size_bytes;
    plan.header = header;
    n_scores = operations[header->n_operations - 1].kind == LEEWAY_BINARY_SIGMOID ? 1 : header->n_outputs;
    for (index = 0; index < header->n_operations; index++) {
        status = check_operation(&plan, &operations[index], n_scores, index == header->n_operations - 1);
        if (status != LEEWAY_PLAN_OK) return status;
    }
    return LEEWAY_PLAN_OK;
}

const char *leeway_plan_status_text(leeway_plan_status status) {
    switch (status) {
    case LEEWAY_PLAN_OK: return "sound";
    case LEEWAY_PLAN_TRUNCATED: return "the plan is truncated, or longer than its header says";
    case LEEWAY_PLAN_NOT_A_PLAN: return "the file does not start as a plan does";
    case LEEWAY_PLAN_UNKNOWN_VERSION: return "the plan's version is unknown";
    case LEEWAY_PLAN_BAD_DIMENSIONS: return "the plan's features, outputs or operations are zero or too many";
    case LEEWAY_PLAN_UNKNOWN_OPERATION: return "the plan has an operation of an unknown kind";
    case LEEWAY_PLAN_BAD_OPERATION: return "an operation of the plan contradicts the plan";
    case LEEWAY_PLAN_BAD_TABLE: return "a table of the plan is misplaced or reaches past its end";
    case LEEWAY_PLAN_BAD_TREE: return "a tree of the plan reaches past its tables";
    case LEEWAY_PLAN_BAD_NODE: return "a node of the plan points outside its tree, the row or the values";
    }
    return "unknown status";
}
