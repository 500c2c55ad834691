// A block of threads being run: its fibers, their readiness, and the launch it belongs to.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"
#include "emulator/fiber.h"
#include "emulator/random.h"

namespace emu {

class SharedMemory;
class Barriers;
class Collectives;
class AsyncCopies;
class Mbarriers;
class BulkCopies;
class Wgmma;
namespace ptx {
struct Work;
}

struct Dim3 {
    unsigned x = 1, y = 1, z = 1;
    std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

/// One launch of a kernel, shared by the workers that run its blocks.
struct Launch {
    const char* name = "";
    void (*invoke)(void* const* parameters) = nullptr;
    void* const* parameters = nullptr;
    Dim3 grid, block;
    std::uint32_t dynamic_shared = 0;
    std::uint64_t seed = 0;
    /// Of a kernel that came as PTX; its blocks run by clusters.
    const ptx::Work* work = nullptr;

    std::atomic<bool> failed{false};

    /// Keeps the first failure; later ones are usually its consequences.
    void fail(int error, const std::string& text);
    int error() const { return error_; }
    const std::string& text() const { return text_; }

private:
    std::mutex mutex_;
    int error_ = 0;
    std::string text_;
};

/// What a thread waits for; the text of a report when it waits for ever.
struct Wait {
    const char* what = nullptr;
    Where where;
};

struct Thread {
    Fiber fiber;
    Dim3 index;
    unsigned linear = 0, warp = 0, lane = 0;
    bool exited = false;
    /// Time of the thread's warp when this thread last synchronised with anything.
    std::uint32_t time = 1;
    /// Time at which it last synchronised with lanes of its own warp: what they did before is ordered.
    std::uint32_t synchronised = 0;
    /// Fences of wgmma that it has executed, and one.
    unsigned wgmma_fences = 1;
    Wait wait;
    Epoch epoch() const { return make_epoch(linear, time); }
};

struct Warp {
    std::uint32_t lanes = 0;
    std::uint32_t ready = 0;
    std::uint32_t exited = 0;
    std::uint32_t time = 1;
    /// What the warp has seen of all warps' time.
    SyncClock clock;
    unsigned first_lane = 0;
};

/// Leaves the running block for good; its fibers are dropped where they are.
[[noreturn]] void abandon_block();

/// The block that a worker runs. Blocks of a launch are independent; a worker reuses one object for all its blocks.
class Block {
public:
    Block();
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    /// Runs one block to its end or to its first defect.
    void run(Launch& launch_to_run, std::uint64_t block_number);

    /// Takes the running thread off the ready list and continues others until somebody makes it ready again.
    void wait(const char* what, Where where);
    /// Lets others run first; the thread stays ready.
    void yield();
    void make_ready(Thread& thread) { make_ready(thread.warp, 1u << thread.lane); }
    void make_ready(unsigned warp, std::uint32_t lanes);

    /// Orders what the given lanes of a warp do next after what they did before.
    void synchronise_lanes(unsigned warp, std::uint32_t lanes);
    /// Publishes what the running thread has done up to now into `clock`.
    void publish_to(SyncClock& clock);
    /// The same, and moves its time forward: what it does next is not covered.
    void release_to(SyncClock& clock);
    /// Makes everything published in `clock` happen before what the running thread's warp does next.
    void acquire_from(const SyncClock& clock, unsigned warp);

    unsigned thread_count() const { return thread_count_; }
    unsigned warp_count() const { return warp_count_; }

    Launch* launch = nullptr;
    Dim3 index;
    Random random;
    std::array<Thread, kMaxThreads> threads;
    std::array<Warp, kMaxWarps> warps;
    std::unique_ptr<SharedMemory> shared;
    std::unique_ptr<Barriers> barriers;
    std::unique_ptr<Collectives> collectives;
    std::unique_ptr<AsyncCopies> async_copies;
    std::unique_ptr<Mbarriers> mbarriers;
    std::unique_ptr<BulkCopies> bulk_copies;
    std::unique_ptr<Wgmma> wgmma;

private:
    friend void abandon_block();
    static void thread_main();
    void start(Launch& launch_to_run, std::uint64_t block_number);
    void leave_thread();
    void switch_to_next();
    Thread* pick();
    [[noreturn]] void report_deadlock();

    Fiber main_;
    FiberStacks stacks_;
    unsigned thread_count_ = 0;
    unsigned warp_count_ = 0;
    unsigned live_ = 0;
    std::uint32_t ready_warps_ = 0;
    unsigned first_warp_ = 0;
    bool deep_first_ = false;
};

/// The block and the thread that run on this thread of the host. Fibers never move between threads of the host.
extern constinit thread_local Block* current_block;
extern constinit thread_local Thread* current_thread;

}  // namespace emu
