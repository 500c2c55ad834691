#include "emulator/wgmma.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "emulator/block.h"
#include "emulator/shared_memory.h"
#include "emulator/tensor_map.h"

namespace emu {
namespace {

constexpr std::uint32_t kChunkBytes = 16;

float bf16_value(std::uint32_t bits) {
    return std::bit_cast<float>(bits << 16);
}

/// Row and column of accumulator element i of a thread (PTX ISA, "Register fragments and shared memory matrix layouts").
void accumulator_place(unsigned thread, unsigned i, unsigned& row, unsigned& column) {
    unsigned warp = thread / kWarpLanes, lane = thread % kWarpLanes;
    row = 16 * warp + lane / 4 + 8 * (i / 2 % 2);
    column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
}

}  // namespace

MatrixDescriptor MatrixDescriptor::decode(std::uint64_t bits) {
    auto field = [&](unsigned low) { return static_cast<std::uint32_t>(bits >> low & 0x3FFF) << 4; };
    constexpr unsigned kSwizzles[] = {0, 3, 2, 1};  // the descriptor counts 128, 64, 32
    return {field(0), field(16), field(32), kSwizzles[bits >> 62]};
}

// The canonical layouts: cells of 8 rows of 16 bytes; with a swizzle, rows are as wide as the swizzle and hold the contiguous
// axis.
std::uint32_t MatrixDescriptor::offset(unsigned row, unsigned k, bool row_is_contiguous, unsigned element_bytes) const {
    constexpr unsigned kCell = 8;
    const unsigned element = element_bytes, per_chunk = kChunkBytes / element_bytes;
    if (swizzle == 0) {
        if (row_is_contiguous) {
            return start + k % kCell * kChunkBytes + row % per_chunk * element + row / per_chunk * stride_bytes +
                   k / kCell * leading_bytes;
        }
        return start + row % kCell * kChunkBytes + k % per_chunk * element + row / kCell * stride_bytes +
               k / per_chunk * leading_bytes;
    }
    unsigned width = 16u << swizzle;
    unsigned plain;
    if (row_is_contiguous) {
        unsigned across = width / element;
        plain = row % across * element + row / across * leading_bytes + k % kCell * width + k / kCell * stride_bytes;
    } else {
        plain = row % kCell * width + row / kCell * stride_bytes + k * element;
    }
    return swizzle_offset(start + plain, swizzle);
}

void Wgmma::start() {
    if (!used_) return;
    for (auto& products : groups_) products.clear();
    threads_.fill({});
    chunk_uses_.assign(SharedMemory::kBytes / kChunkBytes, 0);
    in_flight_ = 0;
    used_ = false;
}

void Wgmma::fence(Where) {
    used_ = true;
    current_thread->wgmma_fences++;
}

void Wgmma::issue(unsigned columns, float* accumulators, FragmentState& state, std::uint64_t a, const std::uint32_t* a_registers,
                  std::uint64_t b, bool accumulate, bool a_transposed, bool b_transposed, Where where) {
    used_ = true;
    if (chunk_uses_.empty()) chunk_uses_.assign(SharedMemory::kBytes / kChunkBytes, 0);
    const Thread& self = *current_thread;
    ThreadState& thread = threads_[self.linear];
    auto& products = groups_[self.linear / kThreads];
    if (!state.in_flight && state.touched == current_thread->wgmma_fences) {
        report(Defect::WgmmaFenceMissing, where, "the accumulators were touched after the thread's last wgmma fence");
    }
    unsigned number = thread.issued++, rank = self.linear % kThreads;
    // Registers that a product in flight owns are its result: this product goes on from there.
    int previous = -1;
    for (unsigned earlier = thread.delivered; state.in_flight && earlier < number; earlier++) {
        if (products[earlier]->accumulators[rank] == accumulators) previous = static_cast<int>(earlier);
    }
    if (number == products.size()) {
        auto product = std::make_unique<Product>();
        product->columns = columns;
        product->a = a;
        product->b = b;
        product->a_in_registers = a_registers != nullptr;
        product->accumulate = accumulate;
        product->previous = previous;
        product->a_transposed = a_transposed;
        product->b_transposed = b_transposed;
        product->where = where;
        product->values.resize(std::size_t{kThreads} * columns / 2);
        products.push_back(std::move(product));
    }
    Product& product = *products[number];
    if (product.columns != columns || product.a != a || product.b != b || product.accumulate != accumulate ||
        product.previous != previous || product.a_transposed != a_transposed || product.b_transposed != b_transposed ||
        !(product.where == where)) {
        report(Defect::DivergentWarp, where, "the warpgroup's threads disagree about wgmma number %u (others: line %d)", number,
               product.where.line);
    }
    product.accumulators[rank] = accumulators;
    product.states[rank] = &state;
    if (a_registers != nullptr) std::memcpy(product.a_registers[rank].data(), a_registers, 16);
    float* input = product.values.data() + std::size_t{rank} * columns / 2;
    std::memcpy(input, accumulators, columns / 2 * sizeof(float));
    std::fill_n(accumulators, columns / 2, std::numeric_limits<float>::quiet_NaN());
    state.in_flight = true;
    if (++product.arrived < kThreads) return;
    collect_operands(product, where);
    for (unsigned waiting : product.waiting) current_block->make_ready(current_block->threads[waiting]);
    product.waiting.clear();
}

void Wgmma::collect_operands(Product& product, Where where) {
    SharedMemory& shared = *current_block->shared;
    std::vector<bool> seen(chunk_uses_.size());
    auto collect = [&](std::uint64_t descriptor, unsigned rows, bool transposed) {
        MatrixDescriptor layout = MatrixDescriptor::decode(descriptor);
        for (unsigned row = 0; row < rows; row++) {
            for (unsigned k = 0; k < kDepth; k++) {
                std::uint32_t offset = layout.offset(row, k, transposed);
                std::uint32_t chunk = offset / kChunkBytes;
                if (chunk < seen.size() && seen[chunk]) continue;
                shared.read(shared.data() + chunk * kChunkBytes, kChunkBytes, kChunkBytes, where);
                seen[chunk] = true;
                product.operand_chunks.push_back(chunk);
                chunk_uses_[chunk]++;
            }
        }
    };
    if (!product.a_in_registers) collect(product.a, kRows, product.a_transposed);
    collect(product.b, product.columns, product.b_transposed);
    in_flight_++;
}

void Wgmma::compute(Product& product, Product* previous) {
    SharedMemory& shared = *current_block->shared;
    auto load = [&](std::uint64_t descriptor, unsigned rows, bool transposed, std::vector<float>& values) {
        MatrixDescriptor layout = MatrixDescriptor::decode(descriptor);
        values.resize(std::size_t{rows} * kDepth);
        for (unsigned row = 0; row < rows; row++) {
            for (unsigned k = 0; k < kDepth; k++) {
                std::uint16_t bits;
                std::memcpy(&bits, shared.data() + layout.offset(row, k, transposed), 2);
                values[row * kDepth + k] = bf16_value(bits);
            }
        }
    };
    std::vector<float> a(std::size_t{kRows} * kDepth), b;
    if (product.a_in_registers) {
        for (unsigned thread = 0; thread < kThreads; thread++) {
            unsigned lane = thread % kWarpLanes;
            for (unsigned i = 0; i < 8; i++) {
                // The layout of an m16n8k16 A fragment, one 16-row slice a warp.
                unsigned row = thread / kWarpLanes * 16 + lane / 4 + 8 * (i / 2 % 2);
                unsigned k = 2 * (lane % 4) + i % 2 + 8 * (i / 4);
                std::uint32_t word = product.a_registers[thread][i / 2];
                a[row * kDepth + k] = bf16_value(i % 2 == 0 ? word & 0xFFFF : word >> 16);
            }
        }
    } else {
        load(product.a, kRows, product.a_transposed, a);
    }
    load(product.b, product.columns, product.b_transposed, b);
    unsigned count = product.columns / 2;
    for (unsigned thread = 0; thread < kThreads; thread++) {
        float* values = product.values.data() + std::size_t{thread} * count;
        if (previous != nullptr) {
            std::memcpy(values, previous->values.data() + std::size_t{thread} * count, count * sizeof(float));
        }
        for (unsigned i = 0; i < count; i++) {
            unsigned row, column;
            accumulator_place(thread, i, row, column);
            float sum = product.accumulate ? values[i] : 0.0f;
            for (unsigned k = 0; k < kDepth; k++) sum += a[row * kDepth + k] * b[column * kDepth + k];
            values[i] = sum;
        }
    }
    product.done = true;
    if (previous != nullptr) previous->values = {};
    for (std::uint32_t chunk : product.operand_chunks) chunk_uses_[chunk]--;
    in_flight_--;
}

void Wgmma::commit() {
    ThreadState& thread = threads_[current_thread->linear];
    used_ = true;
    thread.groups.push_back(thread.issued);
}

void Wgmma::wait(unsigned outstanding, Where where) {
    ThreadState& thread = threads_[current_thread->linear];
    auto& products = groups_[current_thread->linear / kThreads];
    while (thread.groups.size() - thread.finished_groups > outstanding) {
        deliver(current_thread->linear % kThreads, thread, products, thread.groups[thread.finished_groups], where);
        thread.finished_groups++;
    }
}

void Wgmma::deliver(unsigned rank, ThreadState& thread, std::vector<std::unique_ptr<Product>>& products, unsigned until,
                    Where where) {
    for (; thread.delivered < until; thread.delivered++) {
        Product& product = *products[thread.delivered];
        if (product.arrived < kThreads) {
            product.waiting.push_back(current_thread->linear);
            current_block->wait("the other warps of a wgmma", where);
        }
        if (!product.done) {
            // Deliveries are in order, so the product that this one continues is done.
            compute(product, product.previous >= 0 ? products[static_cast<unsigned>(product.previous)].get() : nullptr);
        }
        bool continued = false;
        for (unsigned later = thread.delivered + 1; later < thread.issued; later++) {
            continued = continued || products[later]->previous == static_cast<int>(thread.delivered);
        }
        if (continued) continue;
        unsigned count = product.columns / 2;
        std::memcpy(product.accumulators[rank], product.values.data() + std::size_t{rank} * count, count * sizeof(float));
        product.states[rank]->in_flight = false;
        if (++product.handed_out == kThreads) product.values = {};
    }
}

void Wgmma::check_operand_write(std::uint32_t offset, std::uint32_t bytes, Where where) const {
    if (in_flight_ == 0) return;
    for (std::uint32_t chunk = offset / kChunkBytes; chunk <= (offset + bytes - 1) / kChunkBytes; chunk++) {
        if (chunk_uses_[chunk] != 0) {
            report(Defect::WgmmaNotWaited, where, "write at offset %u of shared memory, which a wgmma in flight reads", offset);
        }
    }
}

void Wgmma::check_finished(const Thread& thread) const {
    const ThreadState& state = threads_[thread.linear];
    if (!used_ || state.delivered == state.issued) return;
    const Product& product = *groups_[thread.linear / kThreads][state.delivered];
    report(Defect::WgmmaNotWaited, product.where, "the thread exits without waiting for a wgmma that it issued here");
}

}  // namespace emu
