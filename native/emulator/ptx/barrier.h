// Parts of the barrier instructions that others need.
#pragma once

#include "emulator/ptx/warp.h"

namespace emu::ptx {

/// Bits of a barrier's mode; above them the reduction.
constexpr std::uint16_t kAligned = 1, kCounted = 2, kArrives = 4, kNegated = 8;
constexpr unsigned kReductionShift = 4;
enum class BarrierReduction : std::uint16_t { None, Popc, And, Or };

/// Writes the result of bar.red for lanes that waited: `votes` of `arrived` threads had a true predicate.
void finish_barrier_reduction(Warp& warp, const Instruction& i, std::uint32_t lanes, unsigned votes, unsigned arrived);

/// Leaves the other lanes of the running group to go on by themselves: these will wait.
void keep_only(Warp& warp, const Instruction& i, std::uint32_t lanes);

void run_warp_barrier(Warp& warp, const Instruction& i, std::uint32_t lanes);

}  // namespace emu::ptx
