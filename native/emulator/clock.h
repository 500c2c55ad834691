// Logical time of a block's warps, with which unordered accesses to shared memory are found (the idea of vector clocks:
// Lamport 1978, Mattern 1989; one epoch per access as in FastTrack, Flanagan and Freund 2009).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace emu {

constexpr unsigned kWarpLanes = 32;
constexpr unsigned kMaxThreads = 1024;
constexpr unsigned kMaxWarps = kMaxThreads / kWarpLanes;

/// For every warp of the block, the last moment of its time that is known to have happened before.
struct SyncClock {
    std::array<std::uint32_t, kMaxWarps> seen{};

    void join(const SyncClock& other) {
        for (unsigned warp = 0; warp < kMaxWarps; warp++) seen[warp] = std::max(seen[warp], other.seen[warp]);
    }
};

/// Who touched a byte of shared memory and when: thread number in the upper 10 bits, its warp's time in the lower 22; 0 is
/// nobody.
using Epoch = std::uint32_t;
constexpr unsigned kEpochTimeBits = 22;
constexpr std::uint32_t kEpochTimeMask = (1u << kEpochTimeBits) - 1;

inline Epoch make_epoch(unsigned thread, std::uint32_t time) {
    return thread << kEpochTimeBits | time;
}

}  // namespace emu
