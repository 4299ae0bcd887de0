/* Mutations that know where a plan's fields lie.
 *
 * Bytes changed at random seldom leave a plan that passes the check, and then the kernels are never
 * tried. These change one field of the header, of an operation or of a table to a value that is
 * likely to matter (a neighbour, another field's value, an aligned offset, a power of two), copy and
 * insert operations, and mend the parts of the header that say no more than that this is a plan.
 */
#include "kernels.h"

#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size); /* libFuzzer's own, which knows no format */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static uint32_t state;

static uint32_t below(uint32_t limit) { /* xorshift32 (Marsaglia 2003) */
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

static uint32_t word_at(const uint8_t *data, size_t index) {
    uint32_t value;
    memcpy(&value, data + 4 * index, sizeof value);
    return value;
}

/* A new value for the word at `place`, in a plan of `size` bytes. */
static uint32_t telling_value(const uint8_t *data, size_t size, size_t place) {
    const size_t record = sizeof(leeway_operation) / 4, words = size / 4;
    const uint32_t old = word_at(data, place);
    switch (below(11)) {
    case 0: return old + 1;
    case 1: return old - 1;
    case 2: return below(8);
    case 3: return below((uint32_t)(size / LEEWAY_PLAN_ALIGNMENT) + 1) * LEEWAY_PLAN_ALIGNMENT;
    case 4: return word_at(data, below((uint32_t)words));
    case 7: return word_at(data, (place / record * record + below((uint32_t)record)) % words);
    case 8: return old ^ LEEWAY_OF_ROW;
    case 9: return below(80); /* kinds and functions */
    case 5: return (uint32_t)1 << below(32);
    case 6: return old ^ (uint32_t)1 << below(32);
    default: return 0u - below(4);
    }
}

/* Where a word is changed: in the header, among the operations, or anywhere. */
static size_t telling_place(const uint8_t *data, size_t size) {
    const size_t words = size / 4, header = sizeof(leeway_plan_header) / 4;
    size_t records = sizeof(leeway_operation) / 4 * ((const leeway_plan_header *)data)->n_operations;
    if (records > words - header) records = words - header;
    if (below(8) == 0) return below((uint32_t)header);
    if (records != 0 && below(4) != 0) return header + below((uint32_t)records);
    return below((uint32_t)words);
}

/* The operations that are whole in the plan, whatever its header says. */
static uint32_t n_operations(const uint8_t *data, size_t size) {
    const uint32_t said = ((const leeway_plan_header *)data)->n_operations;
    const size_t whole = (size - sizeof(leeway_plan_header)) / sizeof(leeway_operation);
    return said < whole ? said : (uint32_t)whole;
}

static void copy_an_operation(uint8_t *data, size_t size) {
    leeway_operation *operations = (leeway_operation *)(data + sizeof(leeway_plan_header));
    const uint32_t count = n_operations(data, size);
    if (count != 0) operations[below(count)] = operations[below(count)];
}

/* One more operation, a copy of another; the tables move up by its size. Returns the plan's size. */
static size_t insert_an_operation(uint8_t *data, size_t size, size_t max_size) {
    leeway_operation *operations = (leeway_operation *)(data + sizeof(leeway_plan_header));
    const uint32_t count = n_operations(data, size);
    const size_t bytes = sizeof *operations;
    uint32_t place, index, table;
    if (count == 0 || size + bytes > max_size) return size;
    place = below(count + 1);
    memmove(operations + place + 1, operations + place, size - sizeof(leeway_plan_header) - place * bytes);
    operations[place] = operations[below(count + 1)];
    for (index = 0; index <= count; index++)
        for (table = 0; table < sizeof operations->tables / sizeof operations->tables[0]; table++)
            if (operations[index].tables[table] != 0) operations[index].tables[table] += (uint32_t)bytes;
    ((leeway_plan_header *)data)->n_operations = count + 1;
    return size + bytes;
}

static void mend_header(uint8_t *data, size_t size) {
    leeway_plan_header *header = (leeway_plan_header *)data;
    memcpy(header->magic, LEEWAY_PLAN_MAGIC, sizeof header->magic);
    header->version = LEEWAY_PLAN_VERSION;
    header->size_bytes = size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) {
    uint32_t changes;
    state = seed | 1u;
    if (size <= sizeof(leeway_plan_header) || below(8) == 0) size = LLVMFuzzerMutate(data, size, max_size);
    if (size <= sizeof(leeway_plan_header)) return size;
    if (below(16) == 0) size = insert_an_operation(data, size, max_size);
    for (changes = 1 + below(3); changes > 0; changes--) {
        const size_t place = telling_place(data, size);
        const uint32_t value = telling_value(data, size, place);
        if (below(16) == 0) copy_an_operation(data, size);
        else memcpy(data + 4 * place, &value, below(4) == 0 ? 2 : 4);
    }
    if (below(16) != 0) mend_header(data, size);
    return size;
}
