// The sixteen barriers of a block: __syncthreads is barrier 0 with all threads.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"

namespace emu {

class Barriers {
public:
    static constexpr unsigned kCount = 16;

    void start(unsigned block_threads);

    /// bar.sync id, threads: waits until that many threads have arrived.
    void sync(unsigned id, unsigned threads, Where where);
    /// bar.arrive id, threads: arrives without waiting.
    void arrive(unsigned id, unsigned threads, Where where);
    /// __syncthreads: all threads of the block, all at the same place in the source.
    void sync_block(Where where);

    /// Reports a barrier that some threads wait at and that can never complete.
    void report_if_stuck();

private:
    struct Barrier {
        unsigned expected = 0;
        unsigned arrived = 0;
        Where where;
        bool whole_block = false;
        SyncClock clock;
        std::vector<unsigned> waiting;
    };

    void enter(unsigned id, unsigned threads, bool waits, bool whole_block, Where where);
    void complete(Barrier& barrier);

    std::array<Barrier, kCount> barriers_;
    unsigned block_threads_ = 0;
};

}  // namespace emu
