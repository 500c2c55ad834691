// mbarrier objects: their state lies in the eight bytes of shared memory, as on a GPU; beside them only what races need.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/clock.h"

namespace emu::ptx {

class Cta;
class Warp;

/// What has been published to an mbarrier in the phase under way and in the one before it.
struct MbarrierClock {
    std::uint32_t offset = 0, number = 0;
    SyncClock current, completed;
};

class MbarrierClocks {
public:
    void start() {
        used_ = 0;
        landings_.fill(0);
    }
    MbarrierClock& at(std::uint32_t offset);
    /// The moment at which a bulk copy that reports to the object lands. Only who has waited for the object's phase, or comes
    /// after somebody who has, is ordered after it: it counts as a moment of a warp that the block does not have. 0 when it has
    /// all.
    Epoch land(std::uint32_t offset, unsigned warps);

private:
    std::vector<MbarrierClock> clocks_;
    unsigned used_ = 0;
    std::array<std::uint32_t, kMaxWarps> landings_{};
};

/// Adds to the transaction count (negative: bytes have arrived), and completes the phase when due.
void add_transactions(Cta& cta, std::uint32_t offset, std::int64_t bytes);
/// Reports an mbarrier's counts, for a deadlock.
struct MbarrierCounts {
    std::uint32_t pending, expected, phase;
    std::int32_t transactions;
};
MbarrierCounts mbarrier_counts(Cta& cta, std::uint32_t offset);

}  // namespace emu::ptx
