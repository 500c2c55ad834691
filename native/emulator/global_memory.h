// Device memory of the emulated GPU: a range of address space with one shadow byte a byte, allocations apart by guard zones,
// freed addresses not used again before the whole range has been.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "emulator/defect.h"

namespace emu {

constexpr std::uint8_t kShadowUnknown = 0;  // not written, or not allocated: the allocation table decides
constexpr std::uint8_t kShadowWritten = 1;
constexpr std::uint8_t kShadowForbidden = 2;  // inside an allocation, but marked as a gap by a test

/// Where device memory and its shadow lie; fixed after the first use.
struct ArenaLayout {
    std::uint8_t* base = nullptr;
    std::uint8_t* shadow = nullptr;
    std::uint64_t bytes = 0;
};
extern ArenaLayout arena __attribute__((visibility("hidden")));

struct Allocation {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
    std::uint64_t number = 0;
    bool pinned_host = false;
};

class GlobalMemory {
public:
    static GlobalMemory& instance();

    /// Device memory that programs see; allocations beyond it fail with out of memory.
    void set_capacity(std::uint64_t free_bytes, std::uint64_t total_bytes);
    std::uint64_t total_bytes() const;
    std::uint64_t free_bytes() const;

    /// Address of new memory, or 0 when it does not fit. Pinned host memory does not count against the capacity.
    std::uint64_t allocate(std::uint64_t bytes, bool pinned_host);
    enum class FreeResult { Done, Twice, NotAnAllocation };
    FreeResult free(std::uint64_t address, bool pinned_host);
    void free_all();

    /// The live allocation that holds the address.
    std::optional<Allocation> find(std::uint64_t address) const;
    /// Whether [address, address + bytes) lies in one live allocation.
    bool contains(std::uint64_t address, std::uint64_t bytes) const;

    /// Copies by the host or between buffers, after the ranges were checked. Bytes that were never written arrive as 0xFF
    /// on the host and stay unwritten on the device.
    void copy_in(std::uint64_t to, const void* from, std::uint64_t bytes);
    void copy_out(void* to, std::uint64_t from, std::uint64_t bytes);
    void copy_within(std::uint64_t to, std::uint64_t from, std::uint64_t bytes);
    void fill(std::uint64_t to, const void* pattern, unsigned pattern_bytes, std::uint64_t count);
    void mark(std::uint64_t address, std::uint64_t bytes, std::uint8_t shadow);

    /// One line for every live device allocation; empty without any.
    std::string leak_report() const;
    /// Describes an address that is in no live allocation: the nearest one, or the freed one that held it.
    std::string describe(std::uint64_t address, bool& freed) const;
    /// Changes whenever an allocation comes or goes, so that threads can keep what they looked up.
    std::uint64_t generation() const;

private:
    GlobalMemory();
    std::optional<Allocation> find_locked(std::uint64_t address) const;
    std::uint64_t find_room(std::uint64_t bytes) const;

    mutable std::shared_mutex mutex_;
    std::map<std::uint64_t, Allocation> live_;
    std::map<std::uint64_t, Allocation> freed_;
    std::uint64_t next_ = 0, numbers_ = 0, used_ = 0, capacity_ = 0, total_ = 0;
    std::uint64_t generation_ = 1;
};

/// Slow halves of the two checks below.
void check_global_read_slowly(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where);
void check_global_write_slowly(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where);

inline bool is_written(const void* pointer, std::uint32_t bytes, std::uint32_t alignment) {
    std::uint64_t offset = static_cast<std::uint64_t>(static_cast<const std::uint8_t*>(pointer) - arena.base);
    if (offset + bytes > arena.bytes || offset > arena.bytes || (offset & (alignment - 1)) != 0) return false;
    const std::uint8_t* shadow = arena.shadow + offset;
    std::uint64_t first, second;
    switch (bytes) {
        case 1:
            return *shadow == kShadowWritten;
        case 2: {
            std::uint16_t both;
            std::memcpy(&both, shadow, 2);
            return both == 0x0101;
        }
        case 4: {
            std::uint32_t four;
            std::memcpy(&four, shadow, 4);
            return four == 0x01010101u;
        }
        case 8:
            std::memcpy(&first, shadow, 8);
            return first == 0x0101010101010101ull;
        case 16:
            std::memcpy(&first, shadow, 8);
            std::memcpy(&second, shadow + 8, 8);
            return (first & second) == 0x0101010101010101ull && (first | second) == 0x0101010101010101ull;
        default:
            for (std::uint32_t i = 0; i < bytes; i++) {
                if (shadow[i] != kShadowWritten) return false;
            }
            return true;
    }
}

/// Checks a read of global memory by the running thread.
inline void check_global_read(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    if (!is_written(pointer, bytes, alignment)) [[unlikely]]
        check_global_read_slowly(pointer, bytes, alignment, where);
}

/// Checks a write of global memory by the running thread, and notes that the bytes are written.
inline void check_global_write(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    if (!is_written(pointer, bytes, alignment)) check_global_write_slowly(pointer, bytes, alignment, where);
}

}  // namespace emu
