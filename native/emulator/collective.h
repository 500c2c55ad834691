// Operations that the lanes of a warp perform together: __syncwarp, shuffles, votes, ldmatrix, mma.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/clock.h"
#include "emulator/defect.h"

namespace emu {

/// What kind of operation the lanes meet at; decides how a failure to meet is called.
enum class CollectiveKind : std::uint8_t { Sync, Shuffle, Vote, Matrix };

/// The operands that the lanes of one warp published, one pointer a lane into that lane's stack; null for lanes not in the mask.
struct LaneOperands {
    std::array<void*, kWarpLanes> lanes;
    std::uint32_t mask;
};

class Collectives {
public:
    using Combine = void (*)(const LaneOperands& operands);

    void start(unsigned warps);

    /// Publishes the running lane's operand and waits until all lanes of `mask` that have not exited have done so. The last
    /// one computes for all. `name` is the operation's, a literal; lanes that meet must agree on name, mask and place.
    void meet(CollectiveKind kind, const char* name, std::uint32_t mask, void* operand, Combine combine, Where where);

    /// A lane of the warp exited: operations that waited only for it complete.
    void lane_exited(unsigned warp);

    /// Reports a warp operation that some lanes wait at and that can never complete.
    void report_if_stuck();

private:
    struct Meeting {
        bool open = false;
        CollectiveKind kind = CollectiveKind::Sync;
        const char* name = "";
        Where where;
        std::uint32_t arrived = 0;
        Combine combine = nullptr;
        LaneOperands operands{};
    };

    bool complete_if_met(unsigned warp, Meeting& meeting);

    // Lanes that diverged meet in disjoint groups; a group is found by the lowest lane of its mask.
    std::array<std::array<Meeting, kWarpLanes>, kMaxWarps> meetings_;
};

}  // namespace emu
