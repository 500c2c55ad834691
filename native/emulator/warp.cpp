#include "emulator/warp.h"

#include "emulator/barrier.h"
#include "emulator/block.h"
#include "emulator/collective.h"

namespace emu {
namespace {

struct Vote {
    bool predicate;
    Ballot result;
};

struct Exchange {
    std::uint64_t value, result;
    unsigned source;
    bool outside;
};

void count_votes(const LaneOperands& operands) {
    Ballot result{0, 0};
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        const auto* vote = static_cast<const Vote*>(operands.lanes[lane]);
        if (vote == nullptr) continue;
        result.lanes |= 1u << lane;
        if (vote->predicate) result.votes |= 1u << lane;
    }
    for (void* operand : operands.lanes) {
        if (operand != nullptr) static_cast<Vote*>(operand)->result = result;
    }
}

void exchange(const LaneOperands& operands) {
    for (void* operand : operands.lanes) {
        if (operand == nullptr) continue;
        auto* own = static_cast<Exchange*>(operand);
        const auto* source = static_cast<const Exchange*>(operands.lanes[own->source]);
        if (source == nullptr) {
            own->outside = true;
        } else {
            own->result = source->value;
        }
    }
}

/// The lane that a lane reads, or itself when the source would lie outside its group of `width` lanes.
unsigned source_lane(ShuffleKind kind, unsigned lane, int amount, unsigned width) {
    unsigned first = lane / width * width, last = first + width - 1;
    switch (kind) {
        case ShuffleKind::Index:
            return first + (static_cast<unsigned>(amount) & (width - 1));
        case ShuffleKind::Up:
            return lane >= first + static_cast<unsigned>(amount) ? lane - static_cast<unsigned>(amount) : lane;
        case ShuffleKind::Down:
            return lane + static_cast<unsigned>(amount) <= last ? lane + static_cast<unsigned>(amount) : lane;
        case ShuffleKind::Xor: {
            unsigned source = lane ^ static_cast<unsigned>(amount);
            return source <= last ? source : lane;
        }
    }
    return lane;
}

}  // namespace

void block_barrier(Where where) {
    current_block->barriers->sync_block(where);
}

void warp_barrier(std::uint32_t mask, Where where) {
    current_block->collectives->meet(CollectiveKind::Sync, "bar.warp.sync", mask, nullptr, nullptr, where);
}

Ballot ballot(const char* name, std::uint32_t mask, bool predicate, Where where) {
    Vote vote{predicate, {}};
    current_block->collectives->meet(CollectiveKind::Vote, name, mask, &vote, &count_votes, where);
    return vote.result;
}

std::uint64_t shuffle_bits(ShuffleKind kind, std::uint32_t mask, std::uint64_t value, int amount, int width, Where where) {
    static constexpr const char* kNames[] = {"shfl.sync.idx", "shfl.sync.up", "shfl.sync.down", "shfl.sync.bfly"};
    const char* name = kNames[static_cast<unsigned>(kind)];
    auto lanes = static_cast<unsigned>(width);
    if (lanes == 0 || lanes > kWarpLanes || (lanes & (lanes - 1)) != 0) {
        report(Defect::ShuffleUnderDivergence, where, "%s with width %d, no power of two up to 32", name, width);
    }
    unsigned lane = current_thread->lane;
    Exchange own{value, value, source_lane(kind, lane, amount, lanes), false};
    current_block->collectives->meet(CollectiveKind::Shuffle, name, mask, &own, &exchange, where);
    if (own.outside) {
        report(Defect::ShuffleUnderDivergence, where, "%s reads lane %u, which is not in the mask %08x", name, own.source, mask);
    }
    return own.result;
}

}  // namespace emu
