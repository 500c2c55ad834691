// The slow halves of the checks of global memory: first writes, and everything that becomes a report.
#include "emulator/global_memory.h"

namespace emu {
namespace {

/// The allocation that this thread of the host looked up last; kernels mostly stay in one for a while.
struct LookedUp {
    std::uint64_t generation = 0;
    Allocation allocation;
};
thread_local LookedUp looked_up;

/// The allocation that holds all of [address, address + bytes); reports the first byte that is in none.
Allocation require_allocation(std::uint64_t address, std::uint32_t bytes, const char* verb, Where where) {
    GlobalMemory& memory = GlobalMemory::instance();
    std::uint64_t generation = memory.generation();
    Allocation& known = looked_up.allocation;
    if (looked_up.generation == generation && address - known.address < known.bytes &&
        bytes <= known.bytes - (address - known.address)) {
        return known;
    }
    std::optional<Allocation> found = memory.find(address);
    std::uint64_t inside = found ? found->bytes - (address - found->address) : 0;
    if (inside < bytes) {
        bool freed;
        std::string place = memory.describe(address + inside, freed);
        report(freed ? Defect::UseAfterFree : Defect::OutOfBoundsGlobal, where, "%s of %u bytes of global memory at %s", verb,
               bytes, place.c_str());
    }
    looked_up = {generation, *found};
    return *found;
}

void require_alignment(std::uint64_t address, std::uint32_t bytes, std::uint32_t alignment, const char* verb, Where where) {
    if (address % alignment == 0) return;
    std::optional<Allocation> found = GlobalMemory::instance().find(address);
    report(Defect::MisalignedAccess, where, "%s of %u bytes of global memory at byte %llu of an allocation, no multiple of %u",
           verb, bytes, static_cast<unsigned long long>(found ? address - found->address : address), alignment);
}

void reject_forbidden(const Allocation& allocation, std::uint64_t address, std::uint32_t bytes, const char* verb, Where where) {
    const std::uint8_t* shadow = arena.shadow + (reinterpret_cast<const std::uint8_t*>(address) - arena.base);
    for (std::uint32_t i = 0; i < bytes; i++) {
        if (shadow[i] != kShadowForbidden) continue;
        report(Defect::OutOfBoundsGlobal, where,
               "%s of %u bytes of global memory at byte %llu of allocation %llu, a gap between tensors", verb, bytes,
               static_cast<unsigned long long>(address + i - allocation.address),
               static_cast<unsigned long long>(allocation.number));
    }
}

}  // namespace

void check_global_read_slowly(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    auto address = reinterpret_cast<std::uint64_t>(pointer);
    require_alignment(address, bytes, alignment, "read", where);
    Allocation allocation = require_allocation(address, bytes, "read", where);
    reject_forbidden(allocation, address, bytes, "read", where);
    if (allocation.pinned_host) return;
    report(Defect::UnwrittenGlobalRead, where, "read of %u bytes of global memory at byte %llu of allocation %llu, never written",
           bytes, static_cast<unsigned long long>(address - allocation.address),
           static_cast<unsigned long long>(allocation.number));
}

void check_global_write_slowly(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    auto address = reinterpret_cast<std::uint64_t>(pointer);
    require_alignment(address, bytes, alignment, "write", where);
    Allocation allocation = require_allocation(address, bytes, "write", where);
    reject_forbidden(allocation, address, bytes, "write", where);
    std::memset(arena.shadow + (reinterpret_cast<std::uint8_t*>(address) - arena.base), kShadowWritten, bytes);
}

}  // namespace emu
