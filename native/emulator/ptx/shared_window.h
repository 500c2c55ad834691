// The shared memory of a block of the PTX machine: bytes, what is known of each, and who touched it last.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "emulator/clock.h"
#include "emulator/ptx/warp.h"

namespace emu::ptx {

/// What is known of a byte. The top bit says that it may be read.
enum ByteState : std::uint8_t {
    kOutside = 0,
    kUnwritten = 1,
    kAsyncInFlight = 2,
    kBulkInFlight = 3,
    kBarrierObject = 4,
    kWritten = 0x80,
    kWrittenByBulk = 0x81,
    kWrittenByAtomic = 0x82,
    kWrittenByAsync = 0x83,
};

/// Shared addresses count from 1024, as on devices of 9.0. Bits 24 and up name a block of the cluster: 0 is the block itself, r +
/// 1 the one of rank r.
constexpr std::uint32_t kFirstShared = 1024;
constexpr unsigned kRankShift = 24;
constexpr std::uint32_t kOffsetMask = (1u << kRankShift) - 1;

class SharedWindow {
public:
    static constexpr std::uint32_t kBytes = kFirstShared + 228 * 1024;

    /// The warp by whose clock the reads of products of that warp's warpgroup are timed: the last numbers, which few blocks have.
    static constexpr unsigned reader_warp(unsigned warp) { return kMaxWarps - 1 - warp / 4; }

    SharedWindow();
    /// Forgets the previous block: [1024, 1024 + bytes) may be used.
    void start(std::uint32_t bytes);

    std::uint8_t* data() { return bytes_->data; }
    std::uint32_t end() const { return end_; }
    ByteState state(std::uint32_t offset) const { return static_cast<ByteState>(bytes_->state[offset]); }

    /// Checks a read by a lane and notes it.
    template <unsigned kCount>
    const std::uint8_t* read(Warp& warp, unsigned lane, std::uint32_t offset) {
        if (!inside<kCount>(offset) || !all_readable<kCount>(offset)) refuse(warp, lane, offset, kCount, kCount, "read");
        if constexpr (kCount > 1) {
            const std::uint32_t first = offset / 2;
            Epoch known = 0;
            for (unsigned i = 0; i < kCount / 2; i++) {
                Epoch writer = bytes_->writer[first + i];
                if (writer != known) {
                    if (!ordered(warp, lane, writer)) refuse_race(warp, lane, offset + 2 * i, writer, "write", "read");
                    known = writer;
                }
            }
            note_reader(first, kCount / 2, warp.epoch(lane));
        }
        return bytes_->data + offset;
    }

    /// Checks that a lane may write the bytes. With `value`, an unordered write of the same value before it is no defect:
    /// compilers let warps that hold the same element all store it.
    template <unsigned kCount>
    void check_write(Warp& warp, unsigned lane, std::uint32_t offset, const char* verb = "write",
                     const std::uint8_t* value = nullptr) {
        if (!inside<kCount>(offset) || (!all_readable<kCount>(offset) && !all_writable(offset, kCount))) {
            refuse(warp, lane, offset, kCount, kCount, verb);
        }
        if constexpr (kCount > 1) check_order(warp, lane, offset, kCount, verb, value);
        if (uses_in_flight_ != 0) check_uses(warp, lane, offset, kCount);
    }
    /// Notes a write that was checked.
    template <unsigned kCount>
    void note_write(Warp& warp, unsigned lane, std::uint32_t offset, ByteState state = kWritten) {
        std::memset(bytes_->state + offset, state, kCount);
        if constexpr (kCount > 1) {
            const Epoch now = warp.epoch(lane);
            for (unsigned i = 0; i < kCount / 2; i++) bytes_->writer[offset / 2 + i] = now;
        }
    }

    /// The same for any number of bytes, of any alignment that is a multiple of 2.
    void check_read(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                    Epoch reader = 0);
    /// A read by the asynchronous proxy: what the generic proxy wrote must have been followed by a proxy fence.
    /// `reader` is who reads, for those that write later; 0: the lane.
    void check_async_read(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                          Epoch reader = 0);
    void check_write_range(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                           const char* verb);
    void note_write_range(std::uint32_t offset, std::uint32_t count, ByteState state, Epoch epoch);
    void check_atomic(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count);
    /// Poisons bytes into which a copy is under way.
    void begin_copy(std::uint32_t offset, std::uint32_t count, ByteState state);
    void land(std::uint32_t offset, const void* from, std::uint32_t count, ByteState state, Epoch epoch);

    void make_barrier_object(Warp& warp, unsigned lane, std::uint32_t offset);
    void unmake_barrier_object(std::uint32_t offset);
    void check_barrier_object(Warp& warp, unsigned lane, std::uint32_t offset);

    /// Counts the products and stores in flight that read a range.
    void add_use(std::uint32_t offset, std::uint32_t count, int change);
    /// Reports a write into what a product or a store in flight reads.
    void check_uses(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count);

private:
    template <unsigned kCount>
    bool inside(std::uint32_t offset) const {
        return offset % kCount == 0 && offset >= kFirstShared && offset + kCount <= end_;
    }
    template <unsigned kCount>
    bool all_readable(std::uint32_t offset) const {
        const std::uint8_t* state = bytes_->state + offset;
        if constexpr (kCount == 1) return (*state & 0x80) != 0;
        constexpr unsigned kWord = kCount < 8 ? kCount : 8;
        std::uint64_t all = ~0ull;
        for (unsigned i = 0; i < kCount; i += kWord) {
            std::uint64_t word = ~0ull;
            std::memcpy(&word, state + i, kWord);
            all &= word;
        }
        return (all & 0x8080808080808080ull) == 0x8080808080808080ull;
    }
    static bool ordered(const Warp& warp, unsigned lane, Epoch epoch) {
        if (epoch == 0) return true;
        const unsigned other = epoch >> kEpochTimeBits, other_warp = other / kWarpLanes;
        const std::uint32_t time = epoch & kEpochTimeMask;
        if (time <= warp.clock.seen[other_warp] || other == warp.first_thread + lane || time == kEpochTimeMask) return true;
        return other_warp == warp.index && time < warp.synchronised[lane];
    }
    void note_reader(std::uint32_t first, std::uint32_t count, Epoch now) {
        constexpr std::uint32_t kThreadBits = ~kEpochTimeMask;
        Epoch* reader = bytes_->reader + first;
        Epoch* other = bytes_->other_reader + first;
        for (std::uint32_t i = 0; i < count; i++) {
            const Epoch before = reader[i];
            other[i] = ((before ^ now) & kThreadBits) != 0 ? before : other[i];
            reader[i] = now;
        }
    }
    bool all_writable(std::uint32_t offset, std::uint32_t count) const;
    void check_order(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, const char* verb,
                     const std::uint8_t* value = nullptr);
    void check_readers(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, const char* verb);
    void check_inside(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                      const char* verb);
    [[noreturn]] void refuse(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                             const char* verb);
    [[noreturn]] void refuse_race(Warp& warp, unsigned lane, std::uint32_t offset, Epoch other, const char* other_verb,
                                  const char* verb);

    struct Bytes {
        alignas(1024) std::uint8_t data[kBytes];
        std::uint8_t state[kBytes];
        // By two bytes: the last write, and two readers by different threads; whoever writes differs from one of them.
        Epoch writer[kBytes / 2], reader[kBytes / 2], other_reader[kBytes / 2];
        // By sixteen bytes: asynchronous readers that have not finished.
        std::uint16_t uses[kBytes / 16];
    };
    std::unique_ptr<Bytes> bytes_;
    std::uint32_t end_ = 0;
    std::uint32_t uses_in_flight_ = 0;
};

}  // namespace emu::ptx
