#include "frame.h"

#include <math.h>
#include <string.h>

#include "moments.inc"
#include "spectrum.inc"

static uint32_t ones(uint32_t bits) {
    uint32_t count = 0;
    for (; bits; bits &= bits - 1) count++;
    return count;
}

size_t leeway_frame_width(const leeway_frame *frame) {
    size_t samples = frame->features & LEEWAY_FRAME_SAMPLES ? frame->length : 0;
    size_t statistics = ones(frame->features & (LEEWAY_FRAME_SAMPLES - 1));
    return frame->n_channels * (statistics + frame->n_bands + samples);
}

/* Give out the next part of the memory; of no memory, only its size. */
static void *take(char *memory, size_t *used, size_t bytes) {
    void *part = memory ? memory + *used : NULL;
    *used += (bytes + 7) / 8 * 8;
    return part;
}

static size_t lay_out(leeway_framer *framer, char *memory) {
    const leeway_frame *frame = &framer->frame;
    size_t used = 0, points = framer->transform * sizeof(double), length = frame->length * sizeof(double);
    int is_chirped = frame->n_bands && framer->transform != frame->length;
    framer->blocks = take(memory, &used, frame->n_channels * framer->n_blocks * sizeof(leeway_block));
    framer->window = take(memory, &used, frame->n_bands ? length : 0);
    framer->real = take(memory, &used, points);
    framer->imaginary = take(memory, &used, points);
    framer->cosine = take(memory, &used, points / 2);
    framer->sine = take(memory, &used, points / 2);
    framer->chirp_cosine = take(memory, &used, is_chirped ? length : 0);
    framer->chirp_sine = take(memory, &used, is_chirped ? length : 0);
    framer->filter_real = take(memory, &used, is_chirped ? points : 0);
    framer->filter_imaginary = take(memory, &used, is_chirped ? points : 0);
    framer->rings = take(memory, &used, (size_t)frame->n_channels * frame->length * sizeof(float));
    return used;
}

static void measure(leeway_framer *framer, const leeway_frame *frame) {
    memset(framer, 0, sizeof *framer);
    framer->frame = *frame;
    framer->n_blocks = frame->length / frame->hop;
    framer->rest = frame->length % frame->hop;
    framer->transform = frame->n_bands ? transform_points(frame->length) : 0;
}

size_t leeway_framer_bytes(const leeway_frame *frame) {
    leeway_framer framer;
    measure(&framer, frame);
    return lay_out(&framer, NULL);
}

void leeway_framer_init(leeway_framer *framer, const leeway_frame *frame, void *memory) {
    measure(framer, frame);
    lay_out(framer, memory);
    if (frame->n_bands) prepare_spectrum(framer);
}

void leeway_framer_reset(leeway_framer *framer) {
    framer->place = framer->in_block = framer->next_block = framer->blocks_held = 0;
}

/* Sum up the newest samples of every channel as a whole block. */
static void end_block(leeway_framer *framer) {
    const leeway_frame *frame = &framer->frame;
    framer->in_block = 0;
    if (framer->n_blocks == 0) return;
    for (uint32_t channel = 0; channel < frame->n_channels; channel++)
        framer->blocks[channel * framer->n_blocks + framer->next_block] = newest_block(framer, channel, frame->hop);
    framer->next_block = (framer->next_block + 1) % framer->n_blocks;
    if (framer->blocks_held < framer->n_blocks) framer->blocks_held++;
}

/* Combine the blocks of a channel's frame, the oldest first. */
static leeway_block whole_frame(const leeway_framer *framer, uint32_t channel) {
    const leeway_block *blocks = framer->blocks + channel * framer->n_blocks;
    leeway_block all = {0};
    for (uint32_t i = 0; i < framer->n_blocks; i++) {
        const leeway_block *block = &blocks[(framer->next_block + i) % framer->n_blocks];
        all = i ? combined(&all, block) : *block;
    }
    if (framer->rest) {
        leeway_block last = newest_block(framer, channel, framer->rest);
        all = framer->n_blocks ? combined(&all, &last) : last;
    }
    return all;
}

static float *write_samples(const leeway_framer *framer, uint32_t channel, float *row) {
    uint32_t length = framer->frame.length, older = length - framer->place;
    const float *ring = framer->rings + (size_t)channel * length;
    memcpy(row, ring + framer->place, older * sizeof(float));
    memcpy(row + older, ring, framer->place * sizeof(float));
    return row + length;
}

static void write_row(leeway_framer *framer, float *row) {
    const leeway_frame *frame = &framer->frame;
    for (uint32_t channel = 0; channel < frame->n_channels; channel++) {
        leeway_block all = whole_frame(framer, channel);
        row = write_statistics(&all, frame->features, row);
        if (frame->n_bands) row = write_bands(framer, channel, &all, row);
        if (frame->features & LEEWAY_FRAME_SAMPLES) row = write_samples(framer, channel, row);
    }
}

int leeway_framer_push(leeway_framer *framer, const float *sample, float *row) {
    const leeway_frame *frame = &framer->frame;
    int is_complete;
    for (uint32_t channel = 0; channel < frame->n_channels; channel++)
        framer->rings[(size_t)channel * frame->length + framer->place] = sample[channel];
    framer->place = framer->place + 1 == frame->length ? 0 : framer->place + 1;
    framer->in_block++;
    is_complete = framer->rest && framer->in_block == framer->rest && framer->blocks_held == framer->n_blocks;
    if (framer->in_block == frame->hop) {
        end_block(framer);
        is_complete = is_complete || (!framer->rest && framer->blocks_held == framer->n_blocks);
    }
    if (is_complete) write_row(framer, row);
    return is_complete;
}
