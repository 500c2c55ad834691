// wgmma: products of a warpgroup whose operands lie in shared memory, executed late: at the wait for their group.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/ptx/program.h"

namespace emu::ptx {

class Warp;

/// A product that a warp has issued. The warp's slice is rows 16 (warp % 4) and on, so warps need nothing of each other.
struct WgmmaProduct {
    const Instruction* at = nullptr;
    std::uint64_t a = 0, b = 0;
    bool accumulate = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> uses;  // offset and bytes in shared memory
    std::vector<std::uint32_t> a_words;                         // 32 lanes' values of each register of a
};

struct WgmmaQueue {
    std::vector<WgmmaProduct> pending;
    /// Number of products that were pending at each commit that has not been waited for.
    std::vector<std::uint32_t> groups;
    /// By index of a wgmma register (Program::wgmma_registers): time of its last change; the warp's clock of such times.
    std::vector<std::uint32_t> changed;
    std::uint32_t time = 1, fenced = 0;

    void start(const Program& program);
    void wait(Warp& warp, std::uint32_t outstanding);
    void check_finished(Warp& warp);
    /// Reports when the instruction touches registers of a product in flight.
    void check_registers(Warp& warp, const Instruction& instruction);
};

}  // namespace emu::ptx
