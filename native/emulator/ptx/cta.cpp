#include "emulator/ptx/cta.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "emulator/ptx/barrier.h"

namespace emu::ptx {
namespace {

/// Turns that warps may use up without anything happening that could end a wait: then they spin for ever. Minutes of work.
constexpr std::uint64_t kMaxIdleTurns = 40'000'000;

/// What the lanes of a special register hold, or their common value.
void set_special(Warp& warp, const Cta& cta, Special special, std::uint32_t* values) {
    const Cluster& cluster = *cta.cluster;
    const Launch& launch = *cluster.launch;
    const Dim3 block = launch.block, grid = launch.grid, shape = cluster.shape();
    const Dim3 index = cta.index;
    const Dim3 inside{index.x % shape.x, index.y % shape.y, index.z % shape.z};
    auto all = [&](std::uint32_t value) { std::fill_n(values, kWarpLanes, value); };
    auto each = [&](auto of) {
        for (unsigned lane = 0; lane < kWarpLanes; lane++) values[lane] = of(lane);
    };
    const unsigned first = warp.first_thread;
    switch (special) {
        case Special::TidX:
            return each([&](unsigned lane) { return (first + lane) % block.x; });
        case Special::TidY:
            return each([&](unsigned lane) { return (first + lane) / block.x % block.y; });
        case Special::TidZ:
            return each([&](unsigned lane) { return (first + lane) / block.x / block.y; });
        case Special::LaneId:
            return each([&](unsigned lane) { return lane; });
        case Special::LaneMaskEq:
            return each([&](unsigned lane) { return 1u << lane; });
        case Special::LaneMaskLt:
            return each([&](unsigned lane) { return (1u << lane) - 1; });
        case Special::LaneMaskLe:
            return each([&](unsigned lane) { return ((1u << lane) - 1) | 1u << lane; });
        case Special::LaneMaskGt:
            return each([&](unsigned lane) { return ~(((1u << lane) - 1) | 1u << lane); });
        case Special::LaneMaskGe:
            return each([&](unsigned lane) { return ~((1u << lane) - 1); });
        case Special::NtidX:
            return all(block.x);
        case Special::NtidY:
            return all(block.y);
        case Special::NtidZ:
            return all(block.z);
        case Special::CtaidX:
            return all(index.x);
        case Special::CtaidY:
            return all(index.y);
        case Special::CtaidZ:
            return all(index.z);
        case Special::NctaidX:
            return all(grid.x);
        case Special::NctaidY:
            return all(grid.y);
        case Special::NctaidZ:
            return all(grid.z);
        case Special::WarpId:
            return all(warp.index);
        case Special::NwarpId:
            return all(64);
        case Special::SmId:
            return all(0);
        case Special::NsmId:
            return all(1);
        case Special::GridId:
            return all(1);
        case Special::DynamicSharedSize:
            return all(cluster.work->dynamic_shared);
        case Special::TotalSharedSize:
            return all(cluster.work->dynamic_shared + cluster.work->program->dynamic_shared_start);
        case Special::ClusteridX:
            return all(index.x / shape.x);
        case Special::ClusteridY:
            return all(index.y / shape.y);
        case Special::ClusteridZ:
            return all(index.z / shape.z);
        case Special::NclusteridX:
            return all(grid.x / shape.x);
        case Special::NclusteridY:
            return all(grid.y / shape.y);
        case Special::NclusteridZ:
            return all(grid.z / shape.z);
        case Special::ClusterCtaidX:
            return all(inside.x);
        case Special::ClusterCtaidY:
            return all(inside.y);
        case Special::ClusterCtaidZ:
            return all(inside.z);
        case Special::ClusterNctaidX:
            return all(shape.x);
        case Special::ClusterNctaidY:
            return all(shape.y);
        case Special::ClusterNctaidZ:
            return all(shape.z);
        case Special::ClusterCtarank:
            return all(cta.rank);
        case Special::ClusterNctarank:
            return all(cluster.size());
        case Special::IsExplicitCluster:
            return all(cluster.size() > 1 ? 1 : 0);
    }
}

std::string place_of(const Cta& cta, const Warp& warp, const Group& group) {
    const Program& program = *cta.cluster->work->program;
    const Instruction* at = group.pc;
    if (group.state != GroupState::Ready && at != program.code.data()) at--;
    char text[256];
    std::snprintf(text, sizeof text, "; block (%u,%u,%u) warp %u lanes 0x%08x at PTX line %d: %s", cta.index.x, cta.index.y,
                  cta.index.z, warp.index, group.lanes, at->line, program.opcodes[static_cast<std::size_t>(at->number)]->c_str());
    return text;
}

}  // namespace

bool leftovers_are_fine() {
    static const bool fine = [] {
        const char* asked = std::getenv("BTRM_EMULATOR_UNFINISHED");
        return asked != nullptr && std::string_view(asked) == "ignore";
    }();
    return fine;
}

void Cta::start(Cluster& owner, unsigned rank_in_cluster, Dim3 block_index) {
    cluster = &owner;
    rank = rank_in_cluster;
    index = block_index;
    const Program& program = *owner.work->program;
    threads_ = static_cast<unsigned>(owner.launch->block.count());
    warp_count = (threads_ + kWarpLanes - 1) / kWarpLanes;
    shared.start(program.dynamic_shared_start - kFirstShared + owner.work->dynamic_shared);
    barriers.fill({});
    mbarriers.start();
    cluster_clock = {};
    completed_cluster_clock = {};
    while (warps.size() < warp_count) warps.push_back(std::make_unique<Warp>());
    while (copies_.size() < warp_count) copies_.push_back(std::make_unique<AsyncCopyQueue>());
    while (products_.size() < warp_count) products_.push_back(std::make_unique<WgmmaQueue>());
    for (unsigned i = 0; i < warp_count; i++) {
        const unsigned count = std::min(kWarpLanes, threads_ - i * kWarpLanes);
        Warp& warp = *warps[i];
        warp.start(*this, i, count == kWarpLanes ? kAllLanes : (1u << count) - 1);
        for (const auto& [special, slot] : program.specials) set_special(warp, *this, special, warp.out<std::uint32_t>(slot));
        copies_[i]->start();
        warp.copies = copies_[i].get();
        products_[i]->start(program);
        warp.wgmma = program.wgmma_register_count > 0 ? products_[i].get() : nullptr;
    }
    living_warps_ = warp_count;
    registers_free = 0;
    if (program.max_registers == 0) {
        // What the launch bound leaves for a thread, in the hardware's steps of eight.
        const unsigned budget = std::min(65536 / (warp_count * kWarpLanes) / 8 * 8, 255u);
        for (unsigned i = 0; i < warp_count; i++) warps[i]->register_budget = budget;
    }
}

unsigned Cta::living_threads() const {
    unsigned count = 0;
    for (unsigned i = 0; i < warp_count; i++) count += static_cast<unsigned>(std::popcount(warps[i]->alive));
    return count;
}

void Cta::warp_ended(Warp& warp) {
    cluster->note_progress();
    cluster->complete_cluster_barrier();
    living_warps_--;
    if (living_warps_ == 0) {
        cluster->bulk_copies.check_finished(warp);
        return;
    }
    check_whole_barriers();
}

void Cta::check_whole_barriers() {
    const unsigned living = living_threads();
    for (unsigned i = 0; i < kBarriers; i++) {
        if (barriers[i].whole_block && barriers[i].arrived > 0 && barriers[i].arrived >= living) complete(barriers[i], i);
    }
}

bool Cta::arrive(Warp& warp, const Instruction&, unsigned number, unsigned expected, std::uint32_t lanes, bool waits) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    if (number >= kBarriers) report(warp, lane, Defect::BarrierMisuse, "barrier %u: there are %u", number, kBarriers);
    CtaBarrier& barrier = barriers[number];
    const bool whole = expected == 0;
    if (!whole && (expected % kWarpLanes != 0 || expected > (threads_ + kWarpLanes - 1) / kWarpLanes * kWarpLanes)) {
        report(warp, lane, Defect::BarrierMisuse, "barrier %u with %u threads, in a block of %u", number, expected, threads_);
    }
    if (barrier.arrived > 0 && (barrier.whole_block != whole || barrier.expected != expected)) {
        report(warp, lane, Defect::DivergentBarrier, "barrier %u with %u threads, and others wait at it with %u (PTX line %d)",
               number, whole ? threads_ : expected, barrier.whole_block ? threads_ : barrier.expected,
               barrier.first != nullptr ? barrier.first->line : 0);
    }
    if (barrier.arrived == 0) barrier.first = warp.current;
    barrier.whole_block = whole;
    barrier.expected = expected;
    // A barrier with a count counts warps: one that has fewer threads than lanes counts as a whole.
    barrier.arrived += lanes == warp.alive && !whole ? kWarpLanes : static_cast<unsigned>(std::popcount(lanes));
    warp.release_to(barrier.clock);
    const unsigned wanted = whole ? living_threads() : expected;
    if (barrier.arrived < wanted) return false;
    if (barrier.arrived > wanted) {
        report(warp, lane, Defect::DivergentBarrier, "%u threads have come to barrier %u, which expects %u", barrier.arrived,
               number, wanted);
    }
    if (waits) {
        warp.acquire_from(barrier.clock);
        finish_barrier_reduction(warp, *warp.current, lanes, barrier.votes, barrier.arrived);
    }
    complete(barrier, number);
    return true;
}

void Cta::complete(CtaBarrier& barrier, unsigned number) {
    for (unsigned i = 0; i < warp_count; i++) {
        Warp& warp = *warps[i];
        bool waits = std::any_of(warp.groups.begin(), warp.groups.end(), [&](const Group& group) {
            return group.state == GroupState::AtBarrier && group.wait == number;
        });
        if (!waits) continue;
        warp.acquire_from(barrier.clock);
        for (const Group& group : warp.groups) {
            if (group.state != GroupState::AtBarrier || group.wait != number) continue;
            finish_barrier_reduction(warp, *(group.pc - 1), group.lanes, barrier.votes, barrier.arrived);
        }
        warp.wake(GroupState::AtBarrier, number);
    }
    barrier = {};
    cluster->note_progress();
}

Cluster::Cluster() = default;
Cluster::~Cluster() = default;

void Cluster::run(Launch& launch_to_run, const Work& work_to_run, std::uint64_t number) {
    launch = &launch_to_run;
    work = &work_to_run;
    random.seed(mix(launch->seed) ^ number);
    progress = 0;
    idle_turns_ = 0;
    last_progress_ = 0;
    cluster_arrived = 0;
    cluster_phase = 0;
    bulk_copies.start();
    const Dim3 shape = work->cluster, grid = launch->grid;
    size_ = static_cast<unsigned>(shape.count());
    const Dim3 clusters{grid.x / shape.x, grid.y / shape.y, grid.z / shape.z};
    const Dim3 first{static_cast<unsigned>(number % clusters.x) * shape.x,
                     static_cast<unsigned>(number / clusters.x % clusters.y) * shape.y,
                     static_cast<unsigned>(number / clusters.x / clusters.y) * shape.z};
    while (ctas_.size() < size_) ctas_.push_back(std::make_unique<Cta>());
    for (unsigned rank = 0; rank < size_; rank++) {
        ctas_[rank]->start(*this, rank,
                           {first.x + rank % shape.x, first.y + rank / shape.x % shape.y, first.z + rank / shape.x / shape.y});
    }
    counts = nullptr;
    if (counting()) {
        counts_.start(*work->program);
        counts_.blocks = size_;
        counts = &counts_;
    }
    try {
        run_warps();
    } catch (const Abandon&) {
    }
    if (counts != nullptr) add_counts(*work->program, counts_);
}

void Cluster::run_warps() {
    std::vector<Warp*>& living = living_;
    living.clear();
    for (unsigned rank = 0; rank < size_; rank++) {
        for (unsigned i = 0; i < ctas_[rank]->warp_count; i++) living.push_back(ctas_[rank]->warps[i].get());
    }
    // Some blocks run a warp as far as it gets, others hop between warps.
    const bool hop = random.below(2) != 0;
    std::size_t next = random.below(static_cast<std::uint32_t>(living.size()));
    while (!living.empty()) {
        if (launch->failed) throw Abandon{};
        Warp* chosen = nullptr;
        if (hop) next = random.below(static_cast<std::uint32_t>(living.size()));
        for (std::size_t i = 0; i < living.size() && chosen == nullptr; i++) {
            if (next >= living.size()) next = 0;
            if (living[next]->ready())
                chosen = living[next];
            else
                next++;
        }
        if (chosen == nullptr) {
            // Bulk copies land as late as they can: when nothing else is left to run.
            if (bulk_copies.land_one(*this)) continue;
            report_deadlock();
        }
        running_warp = chosen;
        chosen->run();
        if (chosen->ended()) std::erase(living, chosen);
    }
}

void Cluster::complete_cluster_barrier() {
    unsigned living = 0;
    for (unsigned rank = 0; rank < size_; rank++) living += ctas_[rank]->living_threads();
    if (cluster_arrived == 0 || cluster_arrived < living) return;
    cluster_arrived = 0;
    cluster_phase++;
    for (unsigned rank = 0; rank < size_; rank++) {
        Cta& block = *ctas_[rank];
        block.completed_cluster_clock = block.cluster_clock;
        for (unsigned i = 0; i < block.warp_count; i++) block.warps[i]->wake(GroupState::AtCluster, 0);
    }
    note_progress();
}

void Cluster::note_turn() {
    if (progress != last_progress_) {
        last_progress_ = progress;
        idle_turns_ = 0;
    }
    if (++idle_turns_ < kMaxIdleTurns) return;
    report_deadlock();
}

void Cluster::report_deadlock() {
    std::string places;
    Warp* first = nullptr;
    const Instruction* where = nullptr;
    bool collective = false, barrier = false;
    for (unsigned rank = 0; rank < size_; rank++) {
        const Cta& cta = *ctas_[rank];
        for (unsigned i = 0; i < cta.warp_count; i++) {
            Warp& warp = *cta.warps[i];
            for (const Group& group : warp.groups) {
                if (first == nullptr || (group.state == GroupState::AtCollective && !collective)) {
                    first = &warp;
                    where = group.state == GroupState::Ready ? group.pc : group.pc - 1;
                }
                collective = collective || group.state == GroupState::AtCollective;
                barrier = barrier || group.state == GroupState::AtBarrier;
                if (places.size() < 700) places += place_of(cta, warp, group);
            }
        }
    }
    if (first == nullptr) throw Abandon{};
    first->current = where;
    if (collective)
        report(*first, 0, Defect::ShuffleUnderDivergence, "lanes wait for others that never come to the same warp operation%s",
               places.c_str());
    if (barrier) report(*first, 0, Defect::DivergentBarrier, "threads wait at a barrier that never completes%s", places.c_str());
    report(*first, 0, Defect::StuckBarrier, "all threads wait for ever%s", places.c_str());
}

}  // namespace emu::ptx
