#include "emulator/global_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace emu {

ArenaLayout arena;

namespace {

constexpr std::uint64_t kAlignment = 512;  // cuMemAlloc's pointers are at least 256-byte aligned
constexpr std::uint64_t kGuardBytes = 512;
constexpr std::uint64_t kDefaultTotal = 16ull << 30;
constexpr std::uint64_t kPage = 4096;
constexpr std::uint8_t kPoison = 0xFF;

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

void* reserve(std::uint64_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    madvise(memory, bytes, MADV_DONTDUMP);
    return memory;
}

/// Gives whole pages back to the system and zeroes the rest: afterwards the range reads as zero.
void discard(std::uint8_t* start, std::uint64_t bytes) {
    auto first = reinterpret_cast<std::uintptr_t>(start), last = first + bytes;
    std::uintptr_t first_page = round_up(first, kPage), last_page = last / kPage * kPage;
    if (first_page >= last_page) {
        std::memset(start, 0, bytes);
        return;
    }
    std::memset(start, 0, first_page - first);
    madvise(reinterpret_cast<void*>(first_page), last_page - first_page, MADV_DONTNEED);
    std::memset(reinterpret_cast<void*>(last_page), 0, last - last_page);
}

}  // namespace

GlobalMemory& GlobalMemory::instance() {
    static auto* memory = new GlobalMemory();  // never destroyed: threads of the host may outlive static destructors
    return *memory;
}

GlobalMemory::GlobalMemory() : capacity_(kDefaultTotal), total_(kDefaultTotal) {
    // The size of the simulated device, for programs that do not call btrmEmuSetMemory.
    const char* text = std::getenv("BTRM_EMULATOR_MEMORY");
    if (std::uint64_t asked = text != nullptr ? std::strtoull(text, nullptr, 10) : 0; asked > 0) capacity_ = total_ = asked;
    for (std::uint64_t bytes = 64ull << 30; bytes >= 1ull << 30; bytes /= 2) {
        void* memory = reserve(bytes);
        void* shadow = memory != nullptr ? reserve(bytes) : nullptr;
        if (shadow != nullptr) {
            arena = {static_cast<std::uint8_t*>(memory), static_cast<std::uint8_t*>(shadow), bytes};
            next_ = kGuardBytes;
            return;
        }
        if (memory != nullptr) munmap(memory, bytes);
    }
    std::perror("btrm emulator: no address space for device memory");
    std::abort();
}

void GlobalMemory::set_capacity(std::uint64_t free_bytes, std::uint64_t total_bytes) {
    std::unique_lock lock(mutex_);
    total_ = total_bytes;
    capacity_ = used_ + std::min(free_bytes, total_bytes);
}

std::uint64_t GlobalMemory::total_bytes() const {
    std::shared_lock lock(mutex_);
    return total_;
}

std::uint64_t GlobalMemory::free_bytes() const {
    std::shared_lock lock(mutex_);
    return capacity_ > used_ ? capacity_ - used_ : 0;
}

std::uint64_t GlobalMemory::generation() const {
    return __atomic_load_n(&generation_, __ATOMIC_ACQUIRE);
}

std::uint64_t GlobalMemory::find_room(std::uint64_t bytes) const {
    std::uint64_t needed = round_up(bytes, kAlignment) + kGuardBytes;
    auto fits_at = [&](std::uint64_t offset) -> std::uint64_t {
        // Walks live allocations from `offset` on until a gap is wide enough.
        auto next = live_.lower_bound(reinterpret_cast<std::uint64_t>(arena.base) + offset);
        for (; next != live_.end(); ++next) {
            std::uint64_t start = next->first - reinterpret_cast<std::uint64_t>(arena.base);
            if (start >= offset + needed) break;
            offset = round_up(start + next->second.bytes, kAlignment) + kGuardBytes;
        }
        return offset + needed <= arena.bytes ? offset : 0;
    };
    std::uint64_t offset = fits_at(next_);
    return offset != 0 ? offset : fits_at(kGuardBytes);
}

std::uint64_t GlobalMemory::allocate(std::uint64_t bytes, bool pinned_host) {
    std::unique_lock lock(mutex_);
    if (bytes > arena.bytes) return 0;
    if (!pinned_host && (bytes > capacity_ || used_ > capacity_ - bytes)) return 0;
    std::uint64_t offset = find_room(bytes);
    if (offset == 0) return 0;
    std::uint64_t address = reinterpret_cast<std::uint64_t>(arena.base) + offset;
    // A freed allocation that this one overlaps is forgotten: its addresses mean something again.
    std::erase_if(freed_,
                  [&](const auto& entry) { return entry.first < address + bytes && address < entry.first + entry.second.bytes; });
    discard(arena.base + offset, bytes);
    discard(arena.shadow + offset, bytes);
    live_[address] = {address, bytes, ++numbers_, pinned_host};
    if (!pinned_host) used_ += bytes;
    next_ = offset + round_up(bytes, kAlignment) + kGuardBytes;
    __atomic_add_fetch(&generation_, 1, __ATOMIC_RELEASE);
    return address;
}

GlobalMemory::FreeResult GlobalMemory::free(std::uint64_t address, bool pinned_host) {
    std::unique_lock lock(mutex_);
    auto entry = live_.find(address);
    if (entry == live_.end() || entry->second.pinned_host != pinned_host) {
        return freed_.contains(address) ? FreeResult::Twice : FreeResult::NotAnAllocation;
    }
    Allocation allocation = entry->second;
    live_.erase(entry);
    freed_[address] = allocation;
    if (!pinned_host) used_ -= allocation.bytes;
    auto* start = reinterpret_cast<std::uint8_t*>(address);
    discard(start, allocation.bytes);
    discard(arena.shadow + (start - arena.base), allocation.bytes);
    __atomic_add_fetch(&generation_, 1, __ATOMIC_RELEASE);
    return FreeResult::Done;
}

void GlobalMemory::free_all() {
    std::vector<Allocation> all;
    {
        std::shared_lock lock(mutex_);
        for (const auto& [address, allocation] : live_) all.push_back(allocation);
    }
    for (const Allocation& allocation : all) free(allocation.address, allocation.pinned_host);
}

std::optional<Allocation> GlobalMemory::find_locked(std::uint64_t address) const {
    auto next = live_.upper_bound(address);
    if (next == live_.begin()) return std::nullopt;
    const Allocation& allocation = std::prev(next)->second;
    if (address - allocation.address >= allocation.bytes) return std::nullopt;
    return allocation;
}

std::optional<Allocation> GlobalMemory::find(std::uint64_t address) const {
    std::shared_lock lock(mutex_);
    return find_locked(address);
}

bool GlobalMemory::contains(std::uint64_t address, std::uint64_t bytes) const {
    if (bytes == 0) return true;
    std::optional<Allocation> allocation = find(address);
    return allocation && bytes <= allocation->bytes - (address - allocation->address);
}

void GlobalMemory::copy_in(std::uint64_t to, const void* from, std::uint64_t bytes) {
    std::memmove(reinterpret_cast<void*>(to), from, bytes);
    mark(to, bytes, kShadowWritten);
}

void GlobalMemory::copy_out(void* to, std::uint64_t from, std::uint64_t bytes) {
    const auto* source = reinterpret_cast<const std::uint8_t*>(from);
    const std::uint8_t* shadow = arena.shadow + (source - arena.base);
    auto* target = static_cast<std::uint8_t*>(to);
    std::memmove(target, source, bytes);
    if (find(from).value_or(Allocation{}).pinned_host) return;
    for (std::uint64_t i = 0; i < bytes; i++) {
        if (shadow[i] != kShadowWritten) target[i] = kPoison;
    }
}

void GlobalMemory::copy_within(std::uint64_t to, std::uint64_t from, std::uint64_t bytes) {
    const auto* source = reinterpret_cast<const std::uint8_t*>(from);
    auto* target = reinterpret_cast<std::uint8_t*>(to);
    std::memmove(target, source, bytes);
    std::memmove(arena.shadow + (target - arena.base), arena.shadow + (source - arena.base), bytes);
    if (find(from).value_or(Allocation{}).pinned_host) mark(to, bytes, kShadowWritten);
}

void GlobalMemory::fill(std::uint64_t to, const void* pattern, unsigned pattern_bytes, std::uint64_t count) {
    auto* target = reinterpret_cast<std::uint8_t*>(to);
    for (std::uint64_t i = 0; i < count; i++) std::memcpy(target + i * pattern_bytes, pattern, pattern_bytes);
    mark(to, count * pattern_bytes, kShadowWritten);
}

void GlobalMemory::mark(std::uint64_t address, std::uint64_t bytes, std::uint8_t shadow) {
    std::memset(arena.shadow + (reinterpret_cast<std::uint8_t*>(address) - arena.base), shadow, bytes);
}

std::string GlobalMemory::leak_report() const {
    std::shared_lock lock(mutex_);
    std::string text;
    for (const auto& [address, allocation] : live_) {
        char line[160];
        std::snprintf(line, sizeof line, "leak: %s allocation %llu of %llu bytes at 0x%llx was never freed\n",
                      allocation.pinned_host ? "pinned host" : "device", static_cast<unsigned long long>(allocation.number),
                      static_cast<unsigned long long>(allocation.bytes), static_cast<unsigned long long>(address));
        text += line;
    }
    return text;
}

std::string GlobalMemory::describe(std::uint64_t address, bool& freed) const {
    std::shared_lock lock(mutex_);
    freed = false;
    char text[192];
    auto after = freed_.upper_bound(address);
    if (after != freed_.begin()) {
        const Allocation& old = std::prev(after)->second;
        if (address - old.address < old.bytes) {
            freed = true;
            std::snprintf(text, sizeof text, "byte %llu of allocation %llu of %llu bytes, which has been freed",
                          static_cast<unsigned long long>(address - old.address), static_cast<unsigned long long>(old.number),
                          static_cast<unsigned long long>(old.bytes));
            return text;
        }
    }
    auto next = live_.upper_bound(address);
    const Allocation* before = next == live_.begin() ? nullptr : &std::prev(next)->second;
    if (before != nullptr && address - before->address - before->bytes < kGuardBytes * 2) {
        std::snprintf(text, sizeof text, "%llu bytes past the end of allocation %llu of %llu bytes",
                      static_cast<unsigned long long>(address - before->address - before->bytes),
                      static_cast<unsigned long long>(before->number), static_cast<unsigned long long>(before->bytes));
    } else if (next != live_.end() && next->first - address <= kGuardBytes * 2) {
        std::snprintf(text, sizeof text, "%llu bytes before allocation %llu of %llu bytes",
                      static_cast<unsigned long long>(next->first - address),
                      static_cast<unsigned long long>(next->second.number), static_cast<unsigned long long>(next->second.bytes));
    } else {
        std::snprintf(text, sizeof text, "address 0x%llx, in no allocation", static_cast<unsigned long long>(address));
    }
    return text;
}

}  // namespace emu
