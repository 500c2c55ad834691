// cp.async: copies of 4, 8 or 16 bytes from global to shared memory that land when their group is waited for, not earlier.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"

namespace emu {

struct Thread;

class AsyncCopies {
public:
    void start();

    /// cp.async: `valid` of the `bytes` bytes come from global memory, the rest is filled with zero.
    void copy(void* shared, const void* global, std::uint32_t bytes, std::uint32_t valid, Where where);
    void commit();
    /// Waits until at most `outstanding` of the thread's groups are unfinished.
    void wait(unsigned outstanding);

    /// Reports copies that an exiting thread never waited for.
    void check_finished(const Thread& thread);

private:
    struct Copy {
        const void* global;
        std::uint32_t offset;
        std::uint8_t bytes, valid;
        Where where;
    };

    struct Queue {
        std::deque<std::vector<Copy>> groups;
        std::vector<Copy> open;
    };

    static void land(const Copy& copy);

    std::array<Queue, kMaxThreads> queues_;
    bool used_ = false;
};

}  // namespace emu
