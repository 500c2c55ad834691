// A warp being run: registers, and its lanes in groups that are at the same instruction.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"
#include "emulator/ptx/program.h"

namespace emu::ptx {

class Cta;
struct AsyncCopyQueue;
struct WgmmaQueue;

constexpr std::uint32_t kAllLanes = 0xFFFFFFFFu;

enum class GroupState : std::uint8_t { Ready, AtBarrier, AtCollective, AtCluster };

/// Lanes at the same instruction.
struct Group {
    const Instruction* pc = nullptr;
    std::uint32_t lanes = 0;
    std::int32_t split = -1;
    GroupState state = GroupState::Ready;
    /// Of a collective: its member mask. Of a barrier: its number.
    std::uint32_t wait = 0;
    /// Progress of the cluster when the group's look at an mbarrier last failed: no use in looking again before it changes.
    std::uint64_t polled = ~0ull;
};

/// Lanes that a branch parted, and where they meet again.
struct Split {
    const Instruction* join = nullptr;
    std::uint32_t expected = 0, arrived = 0;
    std::int32_t parent = -1;
    bool used = false;
};

template <typename T>
using SlotValue = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;

class Warp {
public:
    void start(Cta& cta, unsigned index, std::uint32_t lanes);
    /// Runs until it waits, ends, or has had its turn.
    void run();
    bool ended() const { return alive == 0; }
    bool ready() const;

    template <typename T>
    T* out(Slot slot) {
        return reinterpret_cast<T*>(bases[0] + slot);
    }
    template <typename T>
    const T* in(Slot slot) const {
        return reinterpret_cast<const T*>(bases[slot >> 31] + (slot & ~kConstantSlot));
    }
    std::uint32_t predicate(Slot index) const { return predicates[index]; }
    void set_predicate(Slot index, std::uint32_t lanes, std::uint32_t value) {
        predicates[index] = (predicates[index] & ~lanes) | (value & lanes);
    }

    /// Control flow, for handlers.
    void branch(const Instruction& at, std::uint32_t taken);
    void join(const Instruction& at);
    void exit_lanes(std::uint32_t lanes);
    /// Parks the running group at the instruction after `at` (or at it, to run it again).
    void park(const Instruction& at, GroupState state, std::uint32_t wait, bool again);
    void wake(GroupState state, std::uint32_t wait);
    /// Ends the turn; the group goes on at `at`.
    void yield_at(const Instruction& at);
    /// Lets others run until something has happened that may end a wait.
    void yield_after_poll();
    /// The same, and the instruction is run again.
    void look_again_at(const Instruction& at);
    /// Reports unless all living lanes of the warp are at the instruction.
    void require_aligned(const Instruction& at, std::uint32_t lanes);
    /// Whether all living lanes of `members` are at `at`: then the union of them; else parks the group and returns 0.
    /// `anywhere`: lanes at other instructions that wait with the same mask count too (bar.warp.sync).
    std::uint32_t collect(const Instruction& at, std::uint32_t lanes, std::uint32_t members, bool anywhere = false);

    /// Logical time, as in emulator/clock.h.
    void synchronise_lanes(std::uint32_t lanes);
    void publish_to(SyncClock& to) const;
    void release_to(SyncClock& to);
    void acquire_from(const SyncClock& from) { clock.join(from); }
    Epoch epoch(unsigned lane) const {
        return first_thread + lane < kMaxThreads ? make_epoch(first_thread + lane, times[lane]) : 0;
    }

    std::uint8_t* bases[2] = {};
    std::uint32_t* predicates = nullptr;
    const Instruction* pc = nullptr;
    std::uint32_t lanes = 0;
    std::uint32_t carry = 0;
    bool stop = false;
    std::int32_t split = -1;
    std::uint32_t alive = 0, present = 0;
    Cta* cta = nullptr;
    unsigned index = 0, first_thread = 0;
    /// The instruction being run, and a lane of it, for reports.
    const Instruction* current = nullptr;
    unsigned lane = 0;
    int budget = 0;
    /// Turns used up since lanes last met where a branch ends.
    unsigned spent_turns = 0;

    std::uint32_t time = 1;
    SyncClock clock;
    /// What had been ordered before the warp's last proxy fence.
    SyncClock proxy_clock;
    std::array<std::uint32_t, kWarpLanes> times{}, synchronised{}, proxy_fences{};
    /// The phase of barrier.cluster that a lane has arrived for and not waited for; 0 for none.
    std::array<std::uint64_t, kWarpLanes> cluster_waits{};

    std::vector<std::uint8_t> local;
    std::vector<std::uint32_t> defined;
    AsyncCopyQueue* copies = nullptr;
    WgmmaQueue* wgmma = nullptr;
    unsigned register_budget = 0;

    std::vector<Group> groups;
    std::vector<Split> splits;

private:
    std::int32_t new_split(const Instruction* join, std::uint32_t expected, std::int32_t parent);
    void next_group();
    void end_turn(const Instruction& at);
    void release_if_complete(std::int32_t split);
    void run_checked();
    void run_counted();

    std::vector<std::uint8_t> storage_;
    std::vector<std::uint32_t> predicate_storage_;
};

/// Reports a defect at the running instruction of the warp; never returns.
[[noreturn]] void report(Warp& warp, unsigned lane, Defect defect, const char* format, ...) __attribute__((format(printf, 4, 5)));

/// Thrown by reports: leaves the cluster's blocks where they are.
struct Abandon {};

/// Calls visit(lane) for each lane of the mask.
template <typename Visit>
inline void for_lanes(std::uint32_t lanes, Visit visit) {
    if (lanes == kAllLanes) {
        for (unsigned lane = 0; lane < kWarpLanes; lane++) visit(lane);
        return;
    }
    for (; lanes != 0; lanes &= lanes - 1) visit(static_cast<unsigned>(std::countr_zero(lanes)));
}

}  // namespace emu::ptx
