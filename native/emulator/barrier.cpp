#include "emulator/barrier.h"

#include "emulator/block.h"

namespace emu {

void Barriers::start(unsigned block_threads) {
    block_threads_ = block_threads;
    for (Barrier& barrier : barriers_) {
        barrier.expected = barrier.arrived = 0;
        barrier.clock = {};
        barrier.waiting.clear();
    }
}

void Barriers::sync_block(Where where) {
    enter(0, block_threads_, true, true, where);
}

void Barriers::sync(unsigned id, unsigned threads, Where where) {
    enter(id, threads, true, false, where);
}

void Barriers::arrive(unsigned id, unsigned threads, Where where) {
    enter(id, threads, false, false, where);
}

void Barriers::enter(unsigned id, unsigned threads, bool waits, bool whole_block, Where where) {
    if (id >= kCount) report(Defect::BarrierMisuse, where, "barrier %u: there are barriers 0 to 15", id);
    if (!whole_block && (threads % kWarpLanes != 0 || threads == 0 || threads > (block_threads_ + 31) / 32 * 32)) {
        report(Defect::BarrierMisuse, where, "barrier %u for %u threads in a block of %u: the count must be whole warps", id,
               threads, block_threads_);
    }
    Barrier& barrier = barriers_[id];
    if (barrier.arrived == 0) {
        barrier.expected = threads;
        barrier.where = where;
        barrier.whole_block = whole_block;
    } else if (barrier.expected != threads) {
        report(Defect::DivergentBarrier, where, "barrier %u for %u threads, but others arrived at it with %u", id, threads,
               barrier.expected);
    } else if (barrier.whole_block && whole_block && !(barrier.where == where)) {
        report(Defect::DivergentBarrier, where, "other threads of the block wait at the __syncthreads of line %d",
               barrier.where.line);
    }
    Block& block = *current_block;
    if (waits) {
        block.publish_to(barrier.clock);
        barrier.waiting.push_back(current_thread->linear);
    } else {
        block.release_to(barrier.clock);
    }
    barrier.arrived++;
    if (barrier.arrived == barrier.expected) {
        complete(barrier);
    } else if (waits) {
        block.wait(whole_block ? "__syncthreads" : "a named barrier", where);
    }
}

void Barriers::complete(Barrier& barrier) {
    Block& block = *current_block;
    std::array<std::uint32_t, kMaxWarps> lanes{};
    for (unsigned linear : barrier.waiting) {
        Thread& thread = block.threads[linear];
        lanes[thread.warp] |= 1u << thread.lane;
        if (&thread != current_thread) block.make_ready(thread);
    }
    for (unsigned warp = 0; warp < block.warp_count(); warp++) {
        if (lanes[warp] == 0) continue;
        block.acquire_from(barrier.clock, warp);
        block.synchronise_lanes(warp, lanes[warp]);
    }
    barrier.arrived = 0;
    barrier.clock = {};
    barrier.waiting.clear();
}

void Barriers::report_if_stuck() {
    Block& block = *current_block;
    for (unsigned id = 0; id < kCount; id++) {
        const Barrier& barrier = barriers_[id];
        if (barrier.waiting.empty()) continue;
        current_thread = &block.threads[barrier.waiting.front()];
        unsigned exited = 0;
        for (unsigned i = 0; i < block.thread_count(); i++) exited += block.threads[i].exited ? 1 : 0;
        report(Defect::DivergentBarrier, barrier.where,
               "%u of %u threads arrived at barrier %u and the others never do (%u threads have exited, %u wait elsewhere)",
               barrier.arrived, barrier.expected, id, exited,
               block.thread_count() - exited - static_cast<unsigned>(barrier.waiting.size()));
    }
}

}  // namespace emu
