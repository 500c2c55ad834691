// A block of the PTX machine, the cluster that it belongs to, and what they wait for.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/block.h"
#include "emulator/ptx/async_copy.h"
#include "emulator/ptx/counts.h"
#include "emulator/ptx/mbarrier.h"
#include "emulator/ptx/program.h"
#include "emulator/ptx/shared_window.h"
#include "emulator/ptx/tensor_copy.h"
#include "emulator/ptx/warp.h"
#include "emulator/ptx/wgmma.h"
#include "emulator/random.h"

namespace emu::ptx {

class Cluster;

/// One launch, shared by the workers that run its clusters.
struct Work {
    const Program* program = nullptr;
    std::vector<std::uint8_t> parameters;
    Dim3 cluster{1, 1, 1};
    std::uint32_t dynamic_shared = 0;
    unsigned architecture = 90;
};

/// Whether BTRM_EMULATOR_UNFINISHED=ignore lets threads end before copies of theirs have: the hardware waits, and public kernels
/// do.
bool leftovers_are_fine();

/// A named barrier of a block.
struct CtaBarrier {
    unsigned expected = 0, arrived = 0;
    bool whole_block = false, sleeping = false;
    /// For barrier.red: what the arrived threads brought.
    std::uint32_t votes = 0;
    SyncClock clock;
    const Instruction* first = nullptr;
};

class Cta {
public:
    static constexpr unsigned kBarriers = 16;

    void start(Cluster& cluster, unsigned rank, Dim3 index);
    unsigned threads() const { return threads_; }
    unsigned living_threads() const;
    void warp_ended(Warp& warp);
    /// Arrives at a barrier for the lanes of the running group; returns whether the barrier is complete.
    bool arrive(Warp& warp, const Instruction& at, unsigned barrier, unsigned expected, std::uint32_t lanes, bool waits);
    void check_whole_barriers();

    Cluster* cluster = nullptr;
    unsigned rank = 0;
    Dim3 index;
    SharedWindow shared;
    std::vector<std::unique_ptr<Warp>> warps;
    unsigned warp_count = 0;
    std::array<CtaBarrier, kBarriers> barriers;
    MbarrierClocks mbarriers;
    /// Registers a thread of every warp could get beside what it has; setmaxnreg moves them.
    unsigned registers_free = 0;
    /// What this block's warps have published at barrier.cluster, in the phase under way and in the one before it.
    SyncClock cluster_clock, completed_cluster_clock;

private:
    void complete(CtaBarrier& barrier, unsigned number);

    std::vector<std::unique_ptr<AsyncCopyQueue>> copies_;
    std::vector<std::unique_ptr<WgmmaQueue>> products_;
    unsigned threads_ = 0, living_warps_ = 0;
};

/// The blocks that one worker runs together.
class Cluster {
public:
    Cluster();
    ~Cluster();
    void run(Launch& launch, const Work& work, std::uint64_t number);

    /// Counts whatever may end a wait.
    void note_progress() { progress++; }
    /// A warp has used its turn up: reports when that goes on for ever and nothing else happens.
    void note_turn();
    Cta& cta(unsigned rank) { return *ctas_[rank]; }
    unsigned size() const { return size_; }
    Dim3 shape() const { return work->cluster; }

    Launch* launch = nullptr;
    const Work* work = nullptr;
    Random random;
    std::uint64_t progress = 0;
    /// The warp that has its turn.
    Warp* running_warp = nullptr;
    BulkCopyQueue bulk_copies;
    /// Where what the blocks do is counted; null when nobody asked.
    KernelCounts* counts = nullptr;
    /// Ends the phase of barrier.cluster when all living threads have arrived.
    void complete_cluster_barrier();
    /// barrier.cluster: threads that arrived in this phase, and the number of phases completed.
    unsigned cluster_arrived = 0;
    std::uint64_t cluster_phase = 0;

private:
    void run_warps();
    [[noreturn]] void report_deadlock();

    std::vector<std::unique_ptr<Cta>> ctas_;
    std::vector<Warp*> living_;
    unsigned size_ = 0;
    std::uint64_t idle_turns_ = 0, last_progress_ = 0;
    KernelCounts counts_;
};

}  // namespace emu::ptx
