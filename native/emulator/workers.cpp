#include "emulator/workers.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>

#include "emulator/block.h"
#include "emulator/ptx/machine.h"

namespace emu {
namespace {

/// The blocks of one launch in the order in which they are handed out: an affine permutation, so that nothing is stored.
struct BlockOrder {
    std::uint64_t count, factor, start;
    std::atomic<std::uint64_t> next{0};

    BlockOrder(std::uint64_t blocks, std::uint64_t seed) : count(blocks), factor(1), start(mix(seed) % blocks) {
        if (blocks < 3 || blocks >= 1ull << 31) return;
        factor = 1 + mix(seed + 1) % (blocks - 1);
        while (std::gcd(factor, blocks) != 1) factor++;
    }

    std::uint64_t at(std::uint64_t position) const { return (start + factor % count * position) % count; }
};

/// Threads that wait for launches. They live as long as the process: a library that is unloaded cannot join them safely.
class Workers {
public:
    static Workers& instance() {
        static auto* workers = new Workers();
        return *workers;
    }

    void run(Launch& launch) {
        BlockOrder order(launch.work != nullptr ? ptx::cluster_count(launch) : launch.grid.count(), launch.seed);
        std::unique_lock lock(mutex_);
        unsigned helpers = static_cast<unsigned>(std::min<std::uint64_t>(worker_count(), order.count)) - 1;
        while (threads_ < helpers) {
            std::thread(&Workers::serve, this).detach();
            threads_++;
        }
        launch_ = &launch;
        order_ = &order;
        wanted_ = helpers;
        running_ = helpers;
        wake_.notify_all();
        lock.unlock();
        work(launch, order);
        lock.lock();
        // Helpers that have not woken up yet are not needed any more: a small launch does not wait for them.
        running_ -= wanted_;
        wanted_ = 0;
        done_.wait(lock, [&] { return running_ == 0; });
        launch_ = nullptr;
        order_ = nullptr;
    }

private:
    static void work(Launch& launch, BlockOrder& order) {
        if (launch.work != nullptr) {
            for (std::uint64_t position; (position = order.next.fetch_add(1)) < order.count && !launch.failed;) {
                ptx::run_cluster(launch, order.at(position));
            }
            return;
        }
        // One Block for each thread of the host, made at its first launch: it holds the stacks and the shared memory.
        thread_local std::unique_ptr<Block> block;
        if (block == nullptr) block = std::make_unique<Block>();
        for (;;) {
            std::uint64_t position = order.next.fetch_add(1);
            if (position >= order.count || launch.failed) return;
            block->run(launch, order.at(position));
        }
    }

    void serve() {
        for (;;) {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [&] { return wanted_ > 0; });
            wanted_--;
            Launch& launch = *launch_;
            BlockOrder& order = *order_;
            lock.unlock();
            work(launch, order);
            lock.lock();
            if (--running_ == 0) done_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Launch* launch_ = nullptr;
    BlockOrder* order_ = nullptr;
    unsigned threads_ = 0, wanted_ = 0, running_ = 0;
};

}  // namespace

unsigned worker_count() {
    static const unsigned count = [] {
        const char* text = std::getenv("BTRM_EMULATOR_THREADS");
        long asked = text != nullptr ? std::strtol(text, nullptr, 10) : 0;
        return asked > 0 ? static_cast<unsigned>(asked) : std::max(1u, std::thread::hardware_concurrency());
    }();
    return count;
}

void run_blocks(Launch& launch) {
    Workers::instance().run(launch);
}

}  // namespace emu
