// cp.async: copies of up to 16 bytes a lane from global to shared memory, in groups that a lane waits for.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/clock.h"

namespace emu::ptx {

class Warp;
struct Instruction;

/// One cp.async of a warp whose bytes have not landed yet.
struct AsyncCopy {
    static constexpr unsigned kMaxBytes = 16;

    std::uint32_t lanes = 0, bytes = 0;
    std::array<std::uint32_t, kWarpLanes> targets, groups;
    std::array<std::array<std::uint8_t, kMaxBytes>, kWarpLanes> data;
    const Instruction* at = nullptr;
};

/// What the lanes of a warp have under way. Copies land at their wait: as late as the ISA allows.
struct AsyncCopyQueue {
    std::vector<AsyncCopy> pending;
    std::array<std::uint32_t, kWarpLanes> committed{};

    void start();
    /// Lands what the lanes issued in all but their last `outstanding` committed groups.
    void wait(Warp& warp, std::uint32_t lanes, std::uint32_t outstanding);
    /// Lands everything of the lanes, committed or not.
    void wait_all(Warp& warp, std::uint32_t lanes);
    /// Reports copies that nobody waited for when lanes end.
    void check_finished(Warp& warp, std::uint32_t lanes);

private:
    void land(Warp& warp, AsyncCopy& copy, std::uint32_t lanes);
    void drop_landed();
};

}  // namespace emu::ptx
