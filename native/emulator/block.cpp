#include "emulator/block.h"

#include <bit>

#include "emulator/async_copy.h"
#include "emulator/barrier.h"
#include "emulator/bulk_copy.h"
#include "emulator/collective.h"
#include "emulator/mbarrier.h"
#include "emulator/shared_memory.h"
#include "emulator/wgmma.h"

namespace emu {

constinit thread_local Block* current_block = nullptr;
constinit thread_local Thread* current_thread = nullptr;

void Launch::fail(int error, const std::string& text) {
    std::lock_guard lock(mutex_);
    if (error_ == 0) {
        error_ = error;
        text_ = text;
    }
    failed = true;
}

Block::Block()
    : shared(std::make_unique<SharedMemory>()),
      barriers(std::make_unique<Barriers>()),
      collectives(std::make_unique<Collectives>()),
      async_copies(std::make_unique<AsyncCopies>()),
      mbarriers(std::make_unique<Mbarriers>()),
      bulk_copies(std::make_unique<BulkCopies>()),
      wgmma(std::make_unique<Wgmma>()) {}

Block::~Block() = default;

void Block::run(Launch& launch_to_run, std::uint64_t block_number) {
    start(launch_to_run, block_number);
    current_block = this;
    current_thread = pick();
    Fiber::switch_to(main_, current_thread->fiber);
    current_block = nullptr;
    current_thread = nullptr;
}

void Block::start(Launch& launch_to_run, std::uint64_t block_number) {
    launch = &launch_to_run;
    const Dim3 grid = launch->grid, size = launch->block;
    index = {static_cast<unsigned>(block_number % grid.x), static_cast<unsigned>(block_number / grid.x % grid.y),
             static_cast<unsigned>(block_number / grid.x / grid.y)};
    random.seed(mix(launch->seed) ^ block_number);
    thread_count_ = static_cast<unsigned>(size.count());
    warp_count_ = (thread_count_ + kWarpLanes - 1) / kWarpLanes;
    live_ = thread_count_;
    ready_warps_ = 0;
    for (unsigned warp = 0; warp < warp_count_; warp++) {
        unsigned lanes = std::min(kWarpLanes, thread_count_ - warp * kWarpLanes);
        std::uint32_t mask = lanes == kWarpLanes ? ~0u : (1u << lanes) - 1;
        warps[warp] = Warp{mask, mask, 0, 1, {}, random.below(kWarpLanes)};
        ready_warps_ |= 1u << warp;
    }
    for (unsigned i = 0; i < thread_count_; i++) {
        Thread& thread = threads[i];
        thread.index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
        thread.linear = i;
        thread.warp = i / kWarpLanes;
        thread.lane = i % kWarpLanes;
        thread.exited = false;
        thread.time = 1;
        thread.synchronised = 0;
        thread.wgmma_fences = 1;
        thread.wait = {};
        thread.fiber.prepare(stacks_.stack(i), FiberStacks::usable_bytes(i), &Block::thread_main);
    }
    first_warp_ = random.below(kMaxWarps);
    deep_first_ = random.below(2) == 0;
    shared->start(launch->dynamic_shared);
    barriers->start(thread_count_);
    collectives->start(warp_count_);
    async_copies->start();
    mbarriers->start();
    bulk_copies->start();
    wgmma->start();
}

void Block::thread_main() {
    Launch& launch = *current_block->launch;
    launch.invoke(launch.parameters);
    current_block->leave_thread();
    __builtin_unreachable();
}

void Block::leave_thread() {
    Thread& self = *current_thread;
    async_copies->check_finished(self);
    wgmma->check_finished(self);
    self.exited = true;
    live_--;
    Warp& warp = warps[self.warp];
    warp.exited |= 1u << self.lane;
    warp.ready &= ~(1u << self.lane);
    if (warp.ready == 0) ready_warps_ &= ~(1u << self.warp);
    if (warp.exited != warp.lanes) collectives->lane_exited(self.warp);
    if (live_ == 0) {
        bulk_copies->check_finished();
        abandon_block();
    }
    switch_to_next();
}

void Block::make_ready(unsigned warp, std::uint32_t lanes) {
    warps[warp].ready |= lanes;
    if (lanes != 0) ready_warps_ |= 1u << warp;
}

void Block::wait(const char* what, Where where) {
    Thread& self = *current_thread;
    self.wait = {what, where};
    Warp& warp = warps[self.warp];
    warp.ready &= ~(1u << self.lane);
    if (warp.ready == 0) ready_warps_ &= ~(1u << self.warp);
    switch_to_next();
    self.wait = {};
}

void Block::yield() {
    Thread& self = *current_thread;
    warps[self.warp].first_lane = (self.lane + 1) % kWarpLanes;
    first_warp_ = random.below(kMaxWarps);
    switch_to_next();
}

// A warp's lanes run in rotated order, which changes at every warp operation. Some blocks run a warp as far as it gets before
// they touch the next one, others hop between warps all the time: both expose missing synchronisation, in different kernels.
Thread* Block::pick() {
    if (ready_warps_ == 0) return nullptr;
    unsigned warp;
    const Thread* self = current_thread;
    std::uint32_t dice = random.next();
    bool hop = deep_first_ ? (dice & 127) == 0 : (dice & 7) == 0;
    if (self != nullptr && !hop && (ready_warps_ >> self->warp & 1) != 0) {
        warp = self->warp;
    } else {
        if (hop) first_warp_ = dice >> 27;
        warp = (std::countr_zero(std::rotr(ready_warps_, static_cast<int>(first_warp_))) + first_warp_) % kMaxWarps;
    }
    Warp& chosen = warps[warp];
    unsigned lane =
        (std::countr_zero(std::rotr(chosen.ready, static_cast<int>(chosen.first_lane))) + chosen.first_lane) % kWarpLanes;
    return &threads[warp * kWarpLanes + lane];
}

void Block::switch_to_next() {
    Thread* next = pick();
    while (next == nullptr) {
        if (launch->failed) abandon_block();
        // Asynchronous copies land as late as they can: when nothing else is left to run.
        if (!bulk_copies->land_one()) report_deadlock();
        next = pick();
    }
    Thread* self = current_thread;
    if (next == self) return;
    current_thread = next;
    Fiber::switch_to(self->fiber, next->fiber);
}

void Block::synchronise_lanes(unsigned warp, std::uint32_t lanes) {
    Warp& state = warps[warp];
    if (state.time < kEpochTimeMask) state.time++;
    for (; lanes != 0; lanes &= lanes - 1) {
        Thread& thread = threads[warp * kWarpLanes + static_cast<unsigned>(std::countr_zero(lanes))];
        thread.time = thread.synchronised = state.time;
    }
}

void Block::publish_to(SyncClock& clock) {
    const Thread& self = *current_thread;
    clock.join(warps[self.warp].clock);
    clock.seen[self.warp] = std::max(clock.seen[self.warp], self.time);
}

void Block::release_to(SyncClock& clock) {
    publish_to(clock);
    Warp& warp = warps[current_thread->warp];
    if (warp.time < kEpochTimeMask) warp.time++;
    current_thread->time = warp.time;
}

void Block::acquire_from(const SyncClock& clock, unsigned warp) {
    warps[warp].clock.join(clock);
}

void Block::report_deadlock() {
    // Who waits for an mbarrier keeps others from arriving at warp operations and barriers, more often than the other way round;
    // and a lane that never comes to a warp operation keeps its warp from a barrier.
    mbarriers->report_if_stuck();
    collectives->report_if_stuck();
    barriers->report_if_stuck();
    for (unsigned i = 0; i < thread_count_; i++) {
        if (threads[i].exited) continue;
        current_thread = &threads[i];
        break;
    }
    report(Defect::StuckBarrier, current_thread->wait.where, "the thread waits for ever for %s", current_thread->wait.what);
}

void abandon_block() {
    Block& block = *current_block;
    // The fiber that is left here is never continued; its stack is prepared anew for the next block.
    Fiber::switch_to(current_thread->fiber, block.main_);
    __builtin_unreachable();
}

}  // namespace emu
