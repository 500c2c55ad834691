// A block's shared memory: bytes, what is known of each two of them, and who touched them last.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"

namespace emu {

struct Thread;

/// What is known of a unit of shared memory.
enum class SharedState : std::uint8_t {
    Outside = 0,
    Unwritten,
    Written,
    AsyncCopyInFlight,
    BulkCopyInFlight,
    BarrierObject,
    /// Written, by a bulk copy: who reads it must have waited at the copy's mbarrier.
    WrittenByBulkCopy,
    /// Written, by an atomic operation: other atomic operations need no order with it.
    WrittenByAtomic,
};

class SharedMemory {
public:
    /// Room for the 227 KiB that a block may use on the largest architecture, and for guard zones.
    static constexpr std::uint32_t kBytes = 240 * 1024;
    static constexpr std::uint32_t kStaticLimit = 48 * 1024;
    /// Bytes that are noted as one, the smallest that kernels access alone; notes of single bytes would take twice the time.
    static constexpr std::uint32_t kUnit = 2;

    SharedMemory();

    /// Forgets the previous block. Dynamic shared memory is [0, dynamic_bytes).
    void start(std::uint32_t dynamic_bytes);

    /// Address of the static variable that `key` identifies; the same for all threads of the block. Variables are apart by a
    /// guard zone, so that running over the end of one is found.
    void* static_variable(const void* key, std::uint32_t bytes, std::uint32_t alignment, Where where);
    void* dynamic() { return data(); }

    /// Offset of a pointer into shared memory, which is its address in the shared window; reports a pointer that is elsewhere.
    std::uint32_t offset_of(const void* pointer, Where where) const;
    std::uint8_t* data() { return data_; }

    /// Checks and notes a read or write of `bytes` bytes by the running thread. Alignment is in bytes.
    void read(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
        const bool done = bytes == 2    ? read_quickly<2>(pointer)
                          : bytes == 4  ? read_quickly<4>(pointer)
                          : bytes == 8  ? read_quickly<8>(pointer)
                          : bytes == 16 ? read_quickly<16>(pointer)
                                        : false;
        if (!done) read_slowly(pointer, bytes, alignment, where);
    }
    void write(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where);

    /// Checks and notes an atomic read and write: ordered with everything but other atomics.
    void change_atomically(void* pointer, std::uint32_t bytes, Where where);

    /// Checks that an asynchronous copy by the running thread may overwrite the bytes, and poisons them until it lands.
    void begin_copy(std::uint32_t offset, std::uint32_t bytes, SharedState in_flight, Where where);
    /// Lands `bytes` bytes in a region that begin_copy poisoned, as a write at the given epoch.
    void land(std::uint32_t offset, const void* source, std::uint32_t bytes, Epoch epoch, SharedState written);

    /// Turns eight bytes into an mbarrier object and back.
    void make_barrier_object(std::uint32_t offset, Where where);
    void unmake_barrier_object(std::uint32_t offset);
    /// Checks that the running thread's use of the object is ordered after its initialisation.
    void check_barrier_object(std::uint32_t offset, Where where);

private:
    /// Notes a read of the usual kind, whose bytes were all written together and before it; false for any other, which is looked
    /// at in full.
    template <std::uint32_t kCount>
    bool read_quickly(const void* pointer);
    void read_slowly(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where);
    void check_range(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, const char* verb, Where where) const;
    [[noreturn]] void report_state(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const;
    [[noreturn]] void report_race(std::uint32_t offset, Epoch other, const char* other_verb, const char* verb, Where where) const;
    void note_state(std::uint32_t offset, std::uint32_t bytes, SharedState state);
    void note_writer(std::uint32_t offset, std::uint32_t bytes, Epoch now);
    void note_reader(std::uint32_t first_unit, std::uint32_t units, Epoch now);
    void check_writable(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const;
    void check_readers(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const;

    struct StaticVariable {
        const void* key;
        std::uint32_t offset, bytes;
    };

    static constexpr std::uint32_t kUnits = kBytes / kUnit;

    struct Bytes {
        alignas(1024) std::uint8_t data[kBytes];
        SharedState state[kUnits];
        Epoch writer[kUnits];
        // Two readers by different threads are enough: whoever writes differs from at least one of them.
        Epoch reader[kUnits], other_reader[kUnits];
    };

    std::vector<std::uint8_t> storage_;
    Bytes* bytes_;
    std::uint8_t* data_;
    std::uint32_t dynamic_bytes_ = 0;
    std::uint32_t used_ = 0;
    std::vector<StaticVariable> static_variables_;
};

}  // namespace emu
