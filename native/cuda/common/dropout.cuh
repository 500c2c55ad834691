// Counter-based random numbers of LoRA dropout: Philox4x32-10 (Salmon et al. 2011). Key: the step's seed; counter: (column / 4,
// module stream, token key, 0); word column % 4 decides about the element. The numbers are those of DropoutMask.cs, bit by bit.
#pragma once

#include "common/bfloat16.cuh"
#include "common/packet.cuh"

/// Dropout of a matrix [T, C]; keys null: none. Kept elements stay as they are: the factor 1 / (1 - p) is part of the product's
/// scale.
struct DropoutArgs {
    GlobalPtr<const uint32> keys;  // [T], a number per token
    uint64 seed;
    uint32 stream;
    uint32 threshold;  // the smallest word that keeps its element
};

RM_DEVICE void draw_words(uint64 seed, uint32 stream, uint32 key, uint32 block, uint32 (&words)[4]) {
    uint32 c0 = block, c1 = stream, c2 = key, c3 = 0;
    uint32 k0 = static_cast<uint32>(seed), k1 = static_cast<uint32>(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const uint64 product0 = 0xD2511F53ull * c0, product1 = 0xCD9E8D57ull * c2;
        c0 = static_cast<uint32>(product1 >> 32) ^ c1 ^ k0;
        c2 = static_cast<uint32>(product0 >> 32) ^ c3 ^ k1;
        c1 = static_cast<uint32>(product1);
        c3 = static_cast<uint32>(product0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/// Whether the element at `column` of the token with `key` is kept.
RM_DEVICE bool keeps_element(const DropoutArgs& dropout, uint32 key, int column) {
    uint32 words[4];
    draw_words(dropout.seed, dropout.stream, key, static_cast<uint32>(column) / 4, words);
    const int i = column % 4;
    const uint32 word = i < 2 ? (i == 0 ? words[0] : words[1]) : (i == 2 ? words[2] : words[3]);
    return word >= dropout.threshold;
}

/// Zeroes the dropped ones of eight elements in shared memory, those from `column` (a multiple of 8) on.
RM_DEVICE void drop_chunk(SharedPtr<bfloat16> chunk, const DropoutArgs& dropout, uint32 key, int column) {
    Packet<bfloat16> packet = load_packet(chunk);
#pragma unroll
    for (int half = 0; half < 2; half++) {
        uint32 words[4];
        draw_words(dropout.seed, dropout.stream, key, static_cast<uint32>(column) / 4 + half, words);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (words[i] < dropout.threshold) packet.words[half * 2 + i / 2] &= i % 2 == 0 ? 0xFFFF0000u : 0x0000FFFFu;
        }
    }
    store_packet(chunk, packet);
}
