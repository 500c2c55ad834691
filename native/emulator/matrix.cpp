#include "emulator/matrix.h"

#include <bit>
#include <cstring>

#include "emulator/block.h"
#include "emulator/collective.h"
#include "emulator/shared_memory.h"
#include "emulator/tile_product.h"

namespace emu {
namespace {

constexpr std::uint32_t kRowBytes = 16;

struct MatrixRows {
    std::uint8_t* row;
    std::uint32_t* words;
    unsigned matrices;
};

std::uint16_t half_of(const std::uint8_t* row, unsigned element) {
    std::uint16_t bits;
    std::memcpy(&bits, row + 2 * element, 2);
    return bits;
}

void distribute(const LaneOperands& operands) {
    auto lane = [&](unsigned i) { return static_cast<MatrixRows*>(operands.lanes[i]); };
    for (unsigned matrix = 0; matrix < lane(0)->matrices; matrix++) {
        for (unsigned thread = 0; thread < kWarpLanes; thread++) {
            std::memcpy(&lane(thread)->words[matrix], lane(8 * matrix + thread / 4)->row + 4 * (thread % 4), 4);
        }
    }
}

void distribute_transposed(const LaneOperands& operands) {
    auto lane = [&](unsigned i) { return static_cast<MatrixRows*>(operands.lanes[i]); };
    for (unsigned matrix = 0; matrix < lane(0)->matrices; matrix++) {
        for (unsigned thread = 0; thread < kWarpLanes; thread++) {
            unsigned first = 8 * matrix + 2 * (thread % 4);
            std::uint32_t low = half_of(lane(first)->row, thread / 4), high = half_of(lane(first + 1)->row, thread / 4);
            lane(thread)->words[matrix] = high << 16 | low;
        }
    }
}

void collect(const LaneOperands& operands) {
    auto lane = [&](unsigned i) { return static_cast<MatrixRows*>(operands.lanes[i]); };
    for (unsigned matrix = 0; matrix < lane(0)->matrices; matrix++) {
        for (unsigned thread = 0; thread < kWarpLanes; thread++) {
            std::memcpy(lane(8 * matrix + thread / 4)->row + 4 * (thread % 4), &lane(thread)->words[matrix], 4);
        }
    }
}

void collect_transposed(const LaneOperands& operands) {
    auto lane = [&](unsigned i) { return static_cast<MatrixRows*>(operands.lanes[i]); };
    for (unsigned matrix = 0; matrix < lane(0)->matrices; matrix++) {
        for (unsigned thread = 0; thread < kWarpLanes; thread++) {
            for (unsigned half = 0; half < 2; half++) {
                auto bits = static_cast<std::uint16_t>(lane(thread)->words[matrix] >> (16 * half));
                std::memcpy(lane(8 * matrix + 2 * (thread % 4) + half)->row + 2 * (thread / 4), &bits, 2);
            }
        }
    }
}

struct Product {
    float* d;
    const std::uint32_t* a;
    const std::uint32_t* b;
    const float* c;
};

/// The two bfloat16 halves of a word as float32, at to[0] and to[step].
void widen(std::uint32_t word, float* to, int step) {
    to[0] = std::bit_cast<float>(word << 16);
    to[step] = std::bit_cast<float>(word & 0xFFFF0000u);
}

/// d += a b for the accumulators of all lanes: elements 0 and 1 at row lane / 4, columns 2 (lane % 4) and the next; 2 and 3 eight
/// rows below.
template <int kDepth>
void multiply_and_scatter(const LaneOperands& operands, const float* a, const float (*b)[8]) {
    alignas(32) float d[16][8];
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        const float* c = static_cast<const Product*>(operands.lanes[lane])->c;
        std::memcpy(&d[lane / 4][2 * (lane % 4)], c, 8);
        std::memcpy(&d[lane / 4 + 8][2 * (lane % 4)], c + 2, 8);
    }
    multiply_tile(reinterpret_cast<Eight*>(d), a, reinterpret_cast<const Eight*>(b), kDepth);
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        float* to = static_cast<const Product*>(operands.lanes[lane])->d;
        std::memcpy(to, &d[lane / 4][2 * (lane % 4)], 8);
        std::memcpy(to + 2, &d[lane / 4 + 8][2 * (lane % 4)], 8);
    }
}

void combine_bf16(const LaneOperands& operands) {
    alignas(32) float a[16 * 16], b[16][8];
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        const auto& product = *static_cast<const Product*>(operands.lanes[lane]);
        const unsigned group = lane / 4, pair = 2 * (lane % 4);
        widen(product.a[0], &a[group * 16 + pair], 1);
        widen(product.a[1], &a[(group + 8) * 16 + pair], 1);
        widen(product.a[2], &a[group * 16 + pair + 8], 1);
        widen(product.a[3], &a[(group + 8) * 16 + pair + 8], 1);
        widen(product.b[0], &b[pair][group], 8);
        widen(product.b[1], &b[pair + 8][group], 8);
    }
    multiply_and_scatter<16>(operands, a, b);
}

void combine_tf32(const LaneOperands& operands) {
    constexpr std::uint32_t kUsedBits = 0xFFFFE000u;
    alignas(32) float a[16 * 8], b[8][8];
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        const auto& product = *static_cast<const Product*>(operands.lanes[lane]);
        for (unsigned i = 0; i < 4; i++) {
            unsigned row = lane / 4 + 8 * (i % 2), k = lane % 4 + 4 * (i / 2);
            a[row * 8 + k] = std::bit_cast<float>(product.a[i] & kUsedBits);
        }
        for (unsigned i = 0; i < 2; i++) b[lane % 4 + 4 * i][lane / 4] = std::bit_cast<float>(product.b[i] & kUsedBits);
    }
    multiply_and_scatter<8>(operands, a, b);
}

void meet(const char* name, void* operand, Collectives::Combine combine, Where where) {
    Block& block = *current_block;
    if (block.warps[current_thread->warp].lanes != ~0u) {
        report(Defect::DivergentWarp, where, "%s in a warp of fewer than 32 threads", name);
    }
    block.collectives->meet(CollectiveKind::Matrix, name, ~0u, operand, combine, where);
}

}  // namespace

void load_matrices(const void* row, unsigned matrices, bool transposed, std::uint32_t* words, Where where) {
    // Only the lanes whose addresses count are checked, each for its own row.
    if (current_thread->lane < 8 * matrices) current_block->shared->read(row, kRowBytes, kRowBytes, where);
    MatrixRows own{static_cast<std::uint8_t*>(const_cast<void*>(row)), words, matrices};
    meet(transposed ? "ldmatrix.trans" : "ldmatrix", &own, transposed ? &distribute_transposed : &distribute, where);
}

void store_matrices(void* row, unsigned matrices, bool transposed, const std::uint32_t* words, Where where) {
    if (current_thread->lane < 8 * matrices) current_block->shared->write(row, kRowBytes, kRowBytes, where);
    MatrixRows own{static_cast<std::uint8_t*>(row), const_cast<std::uint32_t*>(words), matrices};
    meet(transposed ? "stmatrix.trans" : "stmatrix", &own, transposed ? &collect_transposed : &collect, where);
}

void multiply_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where) {
    Product own{d, a, b, c};
    meet("mma.sync.m16n8k16.bf16", &own, &combine_bf16, where);
}

void multiply_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where) {
    Product own{d, a, b, c};
    meet("mma.sync.m16n8k8.tf32", &own, &combine_tf32, where);
}

}  // namespace emu
