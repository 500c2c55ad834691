// wgmma: products of a warpgroup whose operands lie in shared memory, executed late: at the wait for their group.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/ptx/program.h"

namespace emu::ptx {

class Warp;

/// A product that a warp has issued: its slice is rows 16 (warp % 4) and on.
struct WgmmaProduct {
    const Instruction* at = nullptr;
    /// Number of its group among those of the warp, from 1; 0 before the commit.
    std::uint32_t group = 0;
    /// The warp's time when it was issued.
    std::uint32_t time = 0;
    /// Done, though the warp has not waited for it: another warp of its warpgroup has.
    bool computed = false;
    std::uint64_t a = 0, b = 0;
    bool accumulate = false;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> uses;  // offset and bytes in shared memory
    std::vector<std::uint32_t> a_words;                         // 32 lanes' values of each register of a
};

/// A group belongs to the warpgroup: whoever of its warps waits for it knows that all four have read their operands.
struct WgmmaQueue {
    std::vector<WgmmaProduct> pending;
    /// Groups that the warp has committed.
    std::uint32_t committed = 0;
    /// By index of a wgmma register (Program::wgmma_registers): time of its last change; the warp's clock of such times.
    std::vector<std::uint32_t> changed;
    std::uint32_t time = 1, fenced = 0;

    void start(const Program& program);
    void commit();
    /// Computes what belongs to groups up to that one.
    void compute_until(Warp& warp, std::uint32_t group);
    /// Forgets what belongs to groups up to that one.
    void forget_until(std::uint32_t group);
    void check_finished(Warp& warp);
    /// Reports when the instruction touches registers of a product in flight.
    void check_registers(Warp& warp, const Instruction& instruction);
};

}  // namespace emu::ptx
