// mbarrier objects: barriers in shared memory with phases, arrival counts and transaction bytes (PTX ISA, "mbarrier").
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"

namespace emu {

class Mbarriers {
public:
    void start();

    void init(const void* object, std::uint32_t count, Where where);
    void invalidate(const void* object, Where where);
    /// Arrives after adding `expect_bytes` to the transaction count of the current phase.
    void arrive(const void* object, std::uint32_t expect_bytes, Where where);
    /// Waits until the phase with the given parity has completed.
    void wait(const void* object, std::uint32_t parity, Where where);

    /// A bulk copy of the running thread will report its bytes to the object.
    void join_copy(std::uint32_t offset, Where where);
    /// A bulk copy has landed `bytes` bytes.
    void complete_bytes(std::uint32_t offset, std::uint32_t bytes);

    /// Reports a wait that can never end.
    void report_if_stuck();

private:
    struct Object {
        std::uint32_t offset = 0;
        std::uint32_t count = 0, pending = 0;
        /// Number of the phase that has not completed yet.
        std::uint32_t phase = 0;
        std::int64_t bytes = 0;
        SyncClock current, completed;
        std::vector<unsigned> waiting;
        std::vector<std::uint32_t> waiting_parity;
    };

    Object& find(const void* object, Where where);
    void complete_phase_if_due(Object& object);

    std::vector<Object> objects_;
};

}  // namespace emu
