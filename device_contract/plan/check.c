/* The check of a plan: after it, leeway_plan_score() cannot read or write outside the plan,
 * the row and the workspace, nor run for ever, whatever the bytes say. It is linear in the
 * plan's size, for operations may share a table only so often.
 *
 * What an operation reads has been written: it reads below a mark, up to which all values
 * have been written, and writes from the mark or below it, which moves the mark up. */
#include "kernels.h"

#define QUIET_NAN 0x7fc00000u
#define SIGN 0x80000000u
#define INFINITE 0x7f800000u
#define LEAF_MASK 0x003fffffu
#define SHARED_TABLE_BYTES (1u << 20)  /* beyond four times the plan's size */

typedef struct {
    const uint8_t *bytes;
    size_t size_bytes;
    const leeway_plan_header *header;
    uint32_t written;       /* values below it have been written */
    uint64_t *table_bytes;  /* of all operations so far: a table counts for each that has it */
} plan_view;

static int table_fits(const plan_view *plan, uint32_t offset, uint64_t count, uint64_t item_bytes) {
    const uint64_t tables = sizeof(leeway_plan_header) + (uint64_t)plan->header->n_operations * sizeof(leeway_operation);
    if (offset % LEEWAY_PLAN_ALIGNMENT != 0 || offset < tables || offset > plan->size_bytes) return 0;
    if (count > (plan->size_bytes - offset) / item_bytes) return 0;
    *plan->table_bytes += count * item_bytes;
    return *plan->table_bytes <= 4 * (uint64_t)plan->size_bytes + SHARED_TABLE_BYTES;
}

/* Values of the workspace's own type. */
static int values_fit(const plan_view *plan, uint32_t offset, uint64_t count) {
    return table_fits(plan, offset, count, plan->header->value_bytes);
}

static int reads_row(const leeway_operation *operation) { return (operation->input & LEEWAY_OF_ROW) != 0; }

static int range_fits(uint32_t first, uint32_t width, uint32_t limit) {
    return width > 0 && width <= limit && first <= limit - width;
}

static int indices_are_below(const plan_view *plan, uint32_t offset, uint32_t count, uint32_t limit) {
    const uint32_t *indices = (const uint32_t *)(plan->bytes + offset);
    uint32_t i;
    for (i = 0; i < count; i++)
        if (indices[i] >= limit) return 0;
    return 1;
}

static int overlap(uint32_t first, uint32_t width, uint32_t other, uint32_t other_width) {
    return first < other + other_width && other < first + width;
}

#include "checks/distances.inc"
#include "checks/elementwise.inc"
#include "checks/linear.inc"
#include "checks/moves.inc"
#include "checks/network.inc"
#include "checks/quantized.inc"
#include "checks/quantized_trees.inc"
#include "checks/recurrent.inc"
#include "checks/tables.inc"
#include "checks/trees.inc"

static leeway_plan_status check_kind(const plan_view *plan, const leeway_operation *operation) {
    switch (operation->kind) {
    case LEEWAY_LOAD: return check_load(plan, operation);
    case LEEWAY_REFUSE_MISSING: return LEEWAY_PLAN_OK;
    case LEEWAY_CONSTANT: return check_constant(plan, operation);
    case LEEWAY_GATHER: return check_gather(plan, operation);
    case LEEWAY_MAP: return check_map(operation);
    case LEEWAY_MAP_CONSTANT: return check_map_constant(plan, operation);
    case LEEWAY_MAP_PAIR: return check_map_pair(plan, operation);
    case LEEWAY_REDUCE: return check_reduce(operation);
    case LEEWAY_DOT: return check_dot(plan, operation);
    case LEEWAY_DENSE: return check_dense(plan, operation);
    case LEEWAY_TREES:
    case LEEWAY_WIDE_TREES: return check_trees(plan, operation);
    case LEEWAY_FLOAT32: return check_same_width(operation);
    case LEEWAY_BINARY_SIGMOID: return check_binary_sigmoid(operation);
    case LEEWAY_SOFTMAX:
    case LEEWAY_SIGMOID_NORMALIZED: return check_same_width(operation);
    case LEEWAY_PIECEWISE: return check_piecewise(plan, operation);
    case LEEWAY_WEIGHTED_MEDIAN: return check_weighted_median(plan, operation);
    case LEEWAY_DISTANCE: return check_distance(plan, operation);
    case LEEWAY_NEAREST: return check_nearest(operation);
    case LEEWAY_SUM_ROWS: return check_sum_rows(plan, operation);
    case LEEWAY_COUPLING: return check_coupling(operation);
    case LEEWAY_CONVOLUTION: return check_convolution(plan, operation);
    case LEEWAY_PAD: return check_pad(operation);
    case LEEWAY_POOL: return check_pool(operation);
    case LEEWAY_GRU:
    case LEEWAY_LSTM:
    case LEEWAY_RNN: return check_recurrent(plan, operation);
    case LEEWAY_CHOOSE: return check_choose(operation);
    case LEEWAY_DENSE_INT8:
    case LEEWAY_DENSE_FLOAT16: return check_quantized(plan, operation);
    case LEEWAY_RANKED_TREES: return check_ranked_trees(plan, operation);
    default: return LEEWAY_PLAN_UNKNOWN_OPERATION;
    }
}

/* Only these read the row; the others read values. */
static int may_read_row(uint32_t kind) {
    return kind == LEEWAY_LOAD || kind == LEEWAY_REFUSE_MISSING || kind == LEEWAY_DOT || kind == LEEWAY_TREES ||
           kind == LEEWAY_WIDE_TREES || kind == LEEWAY_RANKED_TREES;
}

static int input_fits(const plan_view *plan, const leeway_operation *operation) {
    if (operation->kind == LEEWAY_CONSTANT) return 1;
    if (!reads_row(operation))
        return operation->kind != LEEWAY_LOAD && range_fits(operation->input, operation->input_width, plan->written);
    return may_read_row(operation->kind) &&
           range_fits(operation->input & ~LEEWAY_OF_ROW, operation->input_width, plan->header->n_features);
}

/* The output starts no further than what has been written, and over no input: functions of
 * single values may write where they read. */
static int output_fits(const plan_view *plan, const leeway_operation *operation) {
    const int is_map = operation->kind == LEEWAY_MAP || operation->kind == LEEWAY_MAP_CONSTANT;
    if (operation->kind == LEEWAY_REFUSE_MISSING) return 1;
    if (operation->output > plan->written) return 0;
    if (!range_fits(operation->output, operation->output_width, plan->header->n_values)) return 0;
    if (operation->kind == LEEWAY_CONSTANT || reads_row(operation)) return 1;
    if (is_map && operation->input == operation->output) return 1;
    return !overlap(operation->input, operation->input_width, operation->output, operation->output_width);
}

static leeway_plan_status check_operation(plan_view *plan, const leeway_operation *operation) {
    leeway_plan_status status;
    if (!input_fits(plan, operation) || !output_fits(plan, operation)) return LEEWAY_PLAN_BAD_OPERATION;
    status = check_kind(plan, operation);
    if (status == LEEWAY_PLAN_OK && operation->kind != LEEWAY_REFUSE_MISSING &&
        operation->output + operation->output_width > plan->written)
        plan->written = operation->output + operation->output_width;
    return status;
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
        header->n_operations > LEEWAY_PLAN_MAX_OPERATIONS || header->n_values == 0 ||
        header->n_values > LEEWAY_PLAN_MAX_VALUES ||
        (header->value_bytes != sizeof(double) && header->value_bytes != sizeof(float)))
        return LEEWAY_PLAN_BAD_DIMENSIONS;
    tables = sizeof *header + (uint64_t)header->n_operations * sizeof(leeway_operation);
    return tables <= size_bytes ? LEEWAY_PLAN_OK : LEEWAY_PLAN_TRUNCATED;
}

leeway_plan_status leeway_plan_check(const void *data, size_t size_bytes) {
    const leeway_plan_header *header = data;
    const leeway_operation *operations = (const leeway_operation *)(header + 1);
    plan_view plan;
    uint64_t table_bytes = 0;
    uint32_t index;
    leeway_plan_status status = check_header(header, size_bytes);
    if (status != LEEWAY_PLAN_OK) return status;
    plan.bytes = data;
    plan.size_bytes = size_bytes;
    plan.header = header;
    plan.written = 0;
    plan.table_bytes = &table_bytes;
    for (index = 0; index < header->n_operations; index++) {
        status = check_operation(&plan, &operations[index]);
        if (status != LEEWAY_PLAN_OK) return status;
    }
    return range_fits(header->output, header->n_outputs, plan.written) ? LEEWAY_PLAN_OK : LEEWAY_PLAN_BAD_DIMENSIONS;
}

const char *leeway_plan_status_text(leeway_plan_status status) {
    switch (status) {
    case LEEWAY_PLAN_OK: return "sound";
    case LEEWAY_PLAN_TRUNCATED: return "the plan is truncated, or longer than its header says";
    case LEEWAY_PLAN_NOT_A_PLAN: return "the file does not start as a plan does";
    case LEEWAY_PLAN_UNKNOWN_VERSION: return "the plan's version is unknown";
    case LEEWAY_PLAN_BAD_DIMENSIONS: return "the plan's features, outputs, values or operations are zero or too many";
    case LEEWAY_PLAN_UNKNOWN_OPERATION: return "the plan has an operation of an unknown kind";
    case LEEWAY_PLAN_BAD_OPERATION: return "an operation of the plan contradicts the plan";
    case LEEWAY_PLAN_BAD_TABLE: return "a table of the plan is misplaced, reaches past its end, or is shared too often";
    case LEEWAY_PLAN_BAD_INDEX: return "an index of the plan points outside what it counts";
    case LEEWAY_PLAN_BAD_TREE: return "a tree of the plan reaches past its tables";
    case LEEWAY_PLAN_BAD_NODE: return "a node of the plan points outside its tree, the row or the values";
    }
    return "unknown status";
}
