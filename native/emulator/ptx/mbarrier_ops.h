// Operations on mbarrier objects that other instructions need.
#pragma once

#include <cstdint>

namespace emu::ptx {

class Cta;
class Warp;

/// Arrives `count` times after adding `expect` bytes to the transaction count. Returns the state before, as the ISA's token.
std::uint64_t arrive_at_mbarrier(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset, std::uint32_t count,
                                 std::int64_t expect);
/// Adds one to the arrivals that the phase under way waits for.
void add_pending(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset);
/// Checks that an mbarrier is at the place, and publishes what the warp has done to it: for a copy that will report to it.
void join_mbarrier(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset);

}  // namespace emu::ptx
