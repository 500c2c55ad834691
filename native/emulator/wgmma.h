// wgmma: matrix products of four warps whose operands lie in shared memory and whose results exist only after a wait.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"
#include "emulator/fragment.h"

namespace emu {

struct Thread;

/// The matrix descriptor of an operand in shared memory (PTX ISA, "Matrix descriptor format" of wgmma).
struct MatrixDescriptor {
    std::uint32_t start, leading_bytes, stride_bytes;
    /// As in tensor maps: 0 none, 1, 2, 3 for 32, 64 and 128 bytes.
    unsigned swizzle;

    static MatrixDescriptor decode(std::uint64_t bits);
    /// Offset in shared memory of element (row of the M or N axis, k), of two bytes unless said otherwise.
    std::uint32_t offset(unsigned row, unsigned k, bool row_is_contiguous, unsigned element_bytes = 2) const;
};

class Wgmma {
public:
    static constexpr unsigned kThreads = 128, kRows = 64, kDepth = 16;

    void start();

    void fence(Where where);
    /// wgmma.mma_async m64nNk16 bf16: D = A B (+ D). `accumulators` has N / 2 elements. A comes from shared memory, or from
    /// the four registers at `a_registers` when that is not null.
    void issue(unsigned columns, float* accumulators, FragmentState& state, std::uint64_t a, const std::uint32_t* a_registers,
               std::uint64_t b, bool accumulate, bool a_transposed, bool b_transposed, Where where);
    void commit();
    void wait(unsigned outstanding, Where where);

    /// Reports a write to shared memory that a product in flight reads.
    void check_operand_write(std::uint32_t offset, std::uint32_t bytes, Where where) const;
    void check_finished(const Thread& thread) const;

private:
    struct Product {
        unsigned columns = 0, arrived = 0, handed_out = 0;
        std::uint64_t a = 0, b = 0;
        bool a_in_registers = false, accumulate = false, a_transposed = false, b_transposed = false, done = false;
        /// Number of the product on the same registers that this one continues without a wait between, or -1.
        int previous = -1;
        Where where;
        std::array<float*, kThreads> accumulators{};
        std::array<FragmentState*, kThreads> states{};
        std::array<std::array<std::uint32_t, 4>, kThreads> a_registers{};
        /// Accumulators of each thread: the input until the product is done, then the result.
        std::vector<float> values;
        std::vector<std::uint32_t> operand_chunks;
        std::vector<unsigned> waiting;
    };

    struct ThreadState {
        unsigned issued = 0, delivered = 0;
        /// For each committed group, the number of products issued before its commit.
        std::vector<unsigned> groups;
        unsigned finished_groups = 0;
    };

    void collect_operands(Product& product, Where where);
    void compute(Product& product, Product* previous);
    void deliver(unsigned thread_in_group, ThreadState& state, std::vector<std::unique_ptr<Product>>& products, unsigned until,
                 Where where);

    std::array<std::vector<std::unique_ptr<Product>>, kMaxThreads / kThreads> groups_;
    std::array<ThreadState, kMaxThreads> threads_;
    std::vector<std::uint16_t> chunk_uses_;
    unsigned in_flight_ = 0;
    bool used_ = false;
};

}  // namespace emu
