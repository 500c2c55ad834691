#include "emulator/ptx/warp.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "emulator/ptx/cta.h"

namespace emu::ptx {
namespace {

/// Backward branches that a warp may take in one turn.
constexpr int kTurn = 64;
constexpr std::uint64_t kNeverPolled = ~0ull;
/// Turns that some lanes may use up while others wait for them where a branch ends; then the others go on by themselves. A lane
/// that spins on what another lane of its warp will do gets it that way, as on devices since 7.0.
constexpr unsigned kPatience = 2048;

}  // namespace

void Warp::start(Cta& block, unsigned number, std::uint32_t lanes_present) {
    const Program& program = *block.cluster->work->program;
    cta = &block;
    index = number;
    first_thread = number * kWarpLanes;
    alive = present = lanes_present;
    const std::size_t bytes = program.register_bytes + 64;
    if (storage_.size() < bytes + 64) storage_.resize(bytes + 64);
    auto base = (reinterpret_cast<std::uintptr_t>(storage_.data()) + 63) / 64 * 64;
    bases[0] = reinterpret_cast<std::uint8_t*>(base);
    bases[1] = const_cast<std::uint8_t*>(program.constants.data());
    if (predicate_storage_.size() < program.predicates) predicate_storage_.resize(program.predicates);
    predicates = predicate_storage_.data();
    std::fill_n(predicates, program.predicates, 0);
    predicates[kTrue] = kAllLanes;
    carry = 0;
    if (program.local_bytes > 0) local.assign(std::size_t{program.local_bytes} * kWarpLanes, 0xFF);
    defined.assign(program.tracked_registers.size(), 0);
    time = 1;
    clock = {};
    proxy_clock = {};
    times.fill(1);
    synchronised.fill(0);
    proxy_fences.fill(0);
    cluster_waits.fill(0);
    register_budget = program.max_registers;
    spent_turns = 0;
    splits.clear();
    groups.clear();
    groups.push_back({program.code.data(), lanes_present, -1, GroupState::Ready, 0, kNeverPolled});
    lanes = 0;
    split = -1;
}

bool Warp::ready() const {
    return std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
        return group.state == GroupState::Ready && group.polled != cta->cluster->progress;
    });
}

void Warp::run() {
    next_group();
    if (lanes == 0) return;
    budget = kTurn;
    stop = false;
    while (!stop) {
        if (wgmma != nullptr && !wgmma->pending.empty()) {
            run_checked();
            continue;
        }
        if (cta->cluster->counts != nullptr) {
            run_counted();
            continue;
        }
        do {
            const Instruction& instruction = *pc++;
            const std::uint32_t active = lanes & (predicates[instruction.guard] ^ instruction.guard_flip);
            if (active == 0) continue;
            current = &instruction;
            instruction.run(*this, instruction, active);
        } while (!stop);
        if (lanes != 0) stop = false;  // a handler asked to look at the mode again
    }
}

// While products are in flight, their registers may not be touched.
void Warp::run_checked() {
    do {
        const Instruction& instruction = *pc++;
        const std::uint32_t active = lanes & (predicates[instruction.guard] ^ instruction.guard_flip);
        if (active == 0) continue;
        current = &instruction;
        if (cta->cluster->counts != nullptr) cta->cluster->counts->note(*this, instruction, active);
        wgmma->check_registers(*this, instruction);
        instruction.run(*this, instruction, active);
    } while (!stop && !wgmma->pending.empty());
    if (lanes != 0) stop = false;
}

void Warp::run_counted() {
    KernelCounts& counts = *cta->cluster->counts;
    do {
        const Instruction& instruction = *pc++;
        const std::uint32_t active = lanes & (predicates[instruction.guard] ^ instruction.guard_flip);
        if (active == 0) continue;
        current = &instruction;
        counts.note(*this, instruction, active);
        instruction.run(*this, instruction, active);
    } while (!stop);
    if (lanes != 0) stop = false;
}

void Warp::next_group() {
    for (std::size_t i = 0; i < groups.size(); i++) {
        if (groups[i].state != GroupState::Ready || groups[i].polled == cta->cluster->progress) continue;
        pc = groups[i].pc;
        lanes = groups[i].lanes;
        split = groups[i].split;
        groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(i));
        return;
    }
    lanes = 0;
    stop = true;
}

std::int32_t Warp::new_split(const Instruction* join_at, std::uint32_t expected, std::int32_t parent) {
    std::size_t i = 0;
    while (i < splits.size() && splits[i].used) i++;
    if (i == splits.size()) splits.emplace_back();
    splits[i] = {join_at, expected, 0, parent, true};
    return static_cast<std::int32_t>(i);
}

void Warp::branch(const Instruction& at, std::uint32_t taken) {
    const std::uint32_t rest = lanes & ~taken;
    const bool back = at.target <= &at;
    if (rest == 0) {
        pc = at.target;
        if (back && --budget <= 0) end_turn(*at.target);
        return;
    }
    if (at.join != nullptr && (split < 0 || splits[static_cast<std::size_t>(split)].join != at.join)) {
        split = new_split(at.join, lanes, split);
    }
    // The lanes that fall through go first; the others are next in line.
    groups.push_back({at.target, taken, split, GroupState::Ready, 0, kNeverPolled});
    lanes = rest;
    if (back && --budget <= 0) end_turn(*pc);
}

void Warp::end_turn(const Instruction& at) {
    yield_at(at);
    cta->cluster->note_turn();
    if (++spent_turns < kPatience) return;
    spent_turns = 0;
    for (Split& here : splits) {
        if (!here.used || here.arrived == 0) continue;
        groups.push_back({here.join, here.arrived, here.parent, GroupState::Ready, 0, kNeverPolled});
        here.expected &= ~here.arrived;
        here.arrived = 0;
    }
}

void Warp::join(const Instruction& at) {
    while (split >= 0 && splits[static_cast<std::size_t>(split)].join == &at) {
        Split& here = splits[static_cast<std::size_t>(split)];
        here.arrived |= lanes;
        if (here.arrived != here.expected) {
            next_group();
            return;
        }
        lanes = here.arrived;
        split = here.parent;
        here.used = false;
        spent_turns = 0;
    }
}

void Warp::release_if_complete(std::int32_t number) {
    Split& here = splits[static_cast<std::size_t>(number)];
    if (here.expected == 0) {
        here.used = false;
    } else if (here.arrived == here.expected) {
        groups.push_back({here.join, here.arrived, here.parent, GroupState::Ready, 0, kNeverPolled});
        here.used = false;
    }
}

void Warp::exit_lanes(std::uint32_t ended) {
    if (copies != nullptr) copies->check_finished(*this, ended);
    alive &= ~ended;
    lanes &= ~ended;
    for (std::int32_t number = split; number >= 0;) {
        Split& here = splits[static_cast<std::size_t>(number)];
        const std::int32_t parent = here.parent;
        here.expected &= ~ended;
        release_if_complete(number);
        number = parent;
    }
    // Lanes that wait for the ended ones at a warp operation try again.
    for (Group& group : groups) {
        if (group.state == GroupState::AtCollective && (group.wait & ended) != 0) {
            group.state = GroupState::Ready;
            group.pc--;
        }
    }
    if (alive == 0) {
        if (wgmma != nullptr) wgmma->check_finished(*this);
        stop = true;
        cta->warp_ended(*this);
        return;
    }
    if (lanes == 0) next_group();
}

void Warp::park(const Instruction& at, GroupState state, std::uint32_t wait, bool again) {
    groups.push_back({again ? &at : &at + 1, lanes, split, state, wait, kNeverPolled});
    next_group();
}

void Warp::wake(GroupState state, std::uint32_t wait) {
    for (Group& group : groups) {
        if (group.state == state && group.wait == wait) group.state = GroupState::Ready;
    }
}

void Warp::yield_at(const Instruction& at) {
    groups.push_back({&at, lanes, split, GroupState::Ready, 0, kNeverPolled});
    lanes = 0;
    stop = true;
}

void Warp::yield_after_poll() {
    groups.push_back({pc, lanes, split, GroupState::Ready, 0, cta->cluster->progress});
    next_group();
}

void Warp::look_again_at(const Instruction& at) {
    groups.push_back({&at, lanes, split, GroupState::Ready, 0, cta->cluster->progress});
    next_group();
}

void Warp::require_aligned(const Instruction& at, std::uint32_t active) {
    if (active == alive) return;
    const unsigned first = static_cast<unsigned>(std::countr_zero(active));
    report(*this, first, Defect::DivergentWarp, "%s needs all lanes of the warp, and only 0x%08x of 0x%08x are here",
           cta->cluster->work->program->opcodes[static_cast<std::size_t>(at.number)]->c_str(), active, alive);
}

std::uint32_t Warp::collect(const Instruction& at, std::uint32_t active, std::uint32_t members, bool anywhere) {
    const unsigned first = static_cast<unsigned>(std::countr_zero(active));
    if ((active & ~members) != 0) {
        report(*this, static_cast<unsigned>(std::countr_zero(active & ~members)), Defect::ShuffleUnderDivergence,
               "the lane executes a warp operation whose mask 0x%08x does not name it", members);
    }
    std::uint32_t here = active;
    auto same = [&](const Group& group) {
        return group.state == GroupState::AtCollective && group.wait == members && (group.pc == &at + 1 || anywhere);
    };
    for (const Group& group : groups) {
        if (same(group)) here |= group.lanes;
    }
    if ((members & alive & ~here) == 0) {
        for (Group& group : groups) {
            if (same(group)) group.state = GroupState::Ready;
        }
        synchronise_lanes(here);
        return here;
    }
    (void)first;
    if (active != lanes) {
        groups.push_back({&at + 1, lanes & ~active, split, GroupState::Ready, 0, kNeverPolled});
        lanes = active;
    }
    park(at, GroupState::AtCollective, members, false);
    return 0;
}

void Warp::synchronise_lanes(std::uint32_t which) {
    if (time < kEpochTimeMask) time++;
    for_lanes(which, [&](unsigned at) { times[at] = synchronised[at] = time; });
}

void Warp::publish_to(SyncClock& to) const {
    to.join(clock);
    to.seen[index] = std::max(to.seen[index], time);
}

void Warp::release_to(SyncClock& to) {
    publish_to(to);
    if (time < kEpochTimeMask) time++;
    for_lanes(lanes, [&](unsigned at) { times[at] = time; });
}

void report(Warp& warp, unsigned lane, Defect defect, const char* format, ...) {
    char detail[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    const Cta& cta = *warp.cta;
    const Program& program = *cta.cluster->work->program;
    const Instruction* at = warp.current;
    char text[2048];
    std::snprintf(text, sizeof text, "%s: %s; kernel %s, block (%u,%u,%u), warp %u lane %u, PTX line %d: %s", defect_name(defect),
                  detail, program.name.c_str(), cta.index.x, cta.index.y, cta.index.z, warp.index, lane,
                  at != nullptr ? at->line : 0,
                  at != nullptr ? program.opcodes[static_cast<std::size_t>(at->number)]->c_str() : "");
    cta.cluster->launch->fail(defect_error(defect), text);
    throw Abandon{};
}

}  // namespace emu::ptx
