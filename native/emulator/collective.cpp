#include "emulator/collective.h"

#include <bit>

#include "emulator/block.h"

namespace emu {
namespace {

Defect divergence(CollectiveKind kind) {
    return kind == CollectiveKind::Shuffle || kind == CollectiveKind::Vote ? Defect::ShuffleUnderDivergence
                                                                           : Defect::DivergentWarp;
}

}  // namespace

void Collectives::start(unsigned warps) {
    for (unsigned warp = 0; warp < warps; warp++) {
        for (Meeting& meeting : meetings_[warp]) meeting.open = false;
    }
}

void Collectives::meet(CollectiveKind kind, const char* name, std::uint32_t mask, void* operand, Combine combine, Where where) {
    Block& block = *current_block;
    const Thread& self = *current_thread;
    const std::uint32_t own = 1u << self.lane;
    const std::uint32_t lanes = block.warps[self.warp].lanes;
    if (lanes != ~0u && mask == ~0u) mask = lanes;  // a partial warp may name all lanes
    if ((mask & own) == 0) report(divergence(kind), where, "%s with mask %08x does not name the calling lane", name, mask);
    if ((mask & ~lanes) != 0) report(divergence(kind), where, "%s with mask %08x names lanes that do not exist", name, mask);

    Meeting& meeting = meetings_[self.warp][static_cast<unsigned>(std::countr_zero(mask))];
    if (!meeting.open) {
        meeting.open = true;
        meeting.kind = kind;
        meeting.name = name;
        meeting.where = where;
        meeting.arrived = 0;
        meeting.combine = combine;
        meeting.operands.lanes.fill(nullptr);
        meeting.operands.mask = mask;
    } else if (meeting.name != name || meeting.operands.mask != mask || !(meeting.where == where)) {
        report(divergence(kind == CollectiveKind::Sync ? meeting.kind : kind), where,
               "%s with mask %08x, while other lanes of the mask are at %s with mask %08x in line %d", name, mask, meeting.name,
               meeting.operands.mask, meeting.where.line);
    }
    meeting.operands.lanes[self.lane] = operand;
    meeting.arrived |= own;
    if (!complete_if_met(self.warp, meeting)) {
        block.wait(name, where);
    } else if ((block.random.next() & 7) == 0) {
        block.yield();
    }
}

bool Collectives::complete_if_met(unsigned warp, Meeting& meeting) {
    Block& block = *current_block;
    // Exited lanes count as arrived at a barrier only. A GPU lets shuffles go on without them too, but a mask that names lanes
    // which never come is a mistake that works by luck; and matrix operations need every lane's operands.
    std::uint32_t excused = meeting.kind == CollectiveKind::Sync ? block.warps[warp].exited : 0;
    if (meeting.arrived != (meeting.operands.mask & ~excused)) return false;
    if (meeting.combine != nullptr) meeting.combine(meeting.operands);
    block.synchronise_lanes(warp, meeting.arrived);
    block.warps[warp].first_lane = block.random.below(kWarpLanes);
    block.make_ready(warp, meeting.arrived & ~block.warps[warp].exited);
    meeting.open = false;
    return true;
}

void Collectives::lane_exited(unsigned warp) {
    for (Meeting& meeting : meetings_[warp]) {
        if (meeting.open) complete_if_met(warp, meeting);
    }
}

void Collectives::report_if_stuck() {
    Block& block = *current_block;
    for (unsigned warp = 0; warp < block.warp_count(); warp++) {
        for (const Meeting& meeting : meetings_[warp]) {
            if (!meeting.open) continue;
            current_thread = &block.threads[warp * kWarpLanes + static_cast<unsigned>(std::countr_zero(meeting.arrived))];
            report(divergence(meeting.kind), meeting.where,
                   "lanes %08x wait at %s with mask %08x; lanes %08x never arrive (exited lanes: %08x)", meeting.arrived,
                   meeting.name, meeting.operands.mask, meeting.operands.mask & ~meeting.arrived, block.warps[warp].exited);
        }
    }
}

}  // namespace emu
