#include "emulator/shared_memory.h"

#include <cstring>
#include <type_traits>

#include "emulator/block.h"
#include "emulator/wgmma.h"

namespace emu {
namespace {

constexpr std::uint32_t kGuardBytes = 64;
constexpr std::uint8_t kPoison = 0xFF;  // NaN in every floating-point format that kernels use

/// Whether the access at `epoch` happened before what `thread` does now.
bool happened_before(Epoch epoch, const Thread& thread, const Warp& warp) {
    if (epoch == 0) return true;
    unsigned other = epoch >> kEpochTimeBits;
    std::uint32_t time = epoch & kEpochTimeMask;
    if (other == thread.linear || time == kEpochTimeMask) return true;
    unsigned other_warp = other / kWarpLanes;
    if (time <= warp.clock.seen[other_warp]) return true;
    return other_warp == thread.warp && time < thread.synchronised;
}

bool is_written(SharedState state) {
    return state == SharedState::Written || state == SharedState::WrittenByBulkCopy || state == SharedState::WrittenByAtomic;
}

constexpr std::uint32_t kUnit = SharedMemory::kUnit;

/// The units that an access touches, whole ones.
struct Units {
    std::uint32_t begin, end;

    Units(std::uint32_t offset, std::uint32_t bytes) : begin(offset / kUnit), end((offset + bytes + kUnit - 1) / kUnit) {}
    std::uint32_t count() const { return end - begin; }
};

/// Whether all epochs are the first one. Of a fixed number, so that the loop becomes a few vector instructions.
template <std::uint32_t kCount>
bool are_equal(const Epoch* epochs) {
    Epoch difference = 0;
    for (std::uint32_t i = 1; i < kCount; i++) difference |= epochs[i] ^ epochs[0];
    return difference == 0;
}

/// Whether the accesses at the epochs of an access's units happened before what `thread` does now; false too for mixtures inside
/// a word.
template <std::uint32_t kCount>
bool are_before(const Epoch* epochs, const Thread& thread, const Warp& warp) {
    if (are_equal<kCount>(epochs)) return happened_before(epochs[0], thread, warp);
    constexpr std::uint32_t kWord = 4 / kUnit;
    for (std::uint32_t i = 0; i < kCount; i += kWord) {
        if (kCount <= kWord || !are_equal<kWord>(epochs + i) || !happened_before(epochs[i], thread, warp)) return false;
    }
    return true;
}

template <std::uint32_t kCount>
bool are_all(const SharedState* states, SharedState expected) {
    std::uint8_t pattern[kCount];
    std::memset(pattern, static_cast<int>(expected), kCount);
    return std::memcmp(states, pattern, kCount) == 0;
}

/// Calls `function` with the number of units as a constant if accesses of that size are usual; false for any other.
template <typename Function>
bool with_usual_size(std::uint32_t bytes, Function function) {
    switch (bytes) {
        case 2:
            return function(std::integral_constant<std::uint32_t, 2 / kUnit>());
        case 4:
            return function(std::integral_constant<std::uint32_t, 4 / kUnit>());
        case 8:
            return function(std::integral_constant<std::uint32_t, 8 / kUnit>());
        case 16:
            return function(std::integral_constant<std::uint32_t, 16 / kUnit>());
        default:
            return false;
    }
}

std::uint32_t round_up(std::uint32_t value, std::uint32_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

SharedMemory::SharedMemory() : storage_(sizeof(Bytes) + alignof(Bytes)) {
    auto address = reinterpret_cast<std::uintptr_t>(storage_.data());
    bytes_ = reinterpret_cast<Bytes*>((address + alignof(Bytes) - 1) / alignof(Bytes) * alignof(Bytes));
    data_ = bytes_->data;
    used_ = kBytes;
}

void SharedMemory::start(std::uint32_t dynamic_bytes) {
    const Units before(0, used_);
    note_state(0, used_, SharedState::Outside);
    for (Epoch* epochs : {bytes_->writer, bytes_->reader, bytes_->other_reader}) std::fill_n(epochs, before.count(), 0);
    static_variables_.clear();
    dynamic_bytes_ = dynamic_bytes;
    used_ = dynamic_bytes;
    note_state(0, used_, SharedState::Unwritten);
    std::memset(data_, kPoison, used_);
}

void* SharedMemory::static_variable(const void* key, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    for (const StaticVariable& variable : static_variables_) {
        if (variable.key == key) return data_ + variable.offset;
    }
    std::uint32_t offset = round_up(used_ + kGuardBytes, std::max(alignment, 16u));
    if (offset + bytes > kBytes || bytes > kStaticLimit) {
        report(Defect::SharedOverflow, where, "%u bytes of static shared memory do not fit", bytes);
    }
    static_variables_.push_back({key, offset, bytes});
    used_ = offset + bytes;
    note_state(offset, bytes, SharedState::Unwritten);
    std::memset(data_ + offset, kPoison, bytes);
    return data_ + offset;
}

std::uint32_t SharedMemory::offset_of(const void* pointer, Where where) const {
    auto offset = reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data_);
    if (offset >= kBytes) report(Defect::OutOfBoundsShared, where, "the address %p is not in shared memory", pointer);
    return static_cast<std::uint32_t>(offset);
}

void SharedMemory::check_range(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, const char* verb,
                               Where where) const {
    auto offset = reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data_);
    if (offset % alignment != 0) {
        report(Defect::MisalignedAccess, where, "%s of %u bytes at offset %lld of shared memory, which is no multiple of %u",
               verb, bytes, static_cast<long long>(offset), alignment);
    }
    if (bytes % kUnit != 0 || offset % kUnit != 0) {
        report(
            Defect::MisalignedAccess, where,
            "%s of %u bytes at offset %lld of shared memory: notes are kept of every %u bytes, so part of them cannot be checked",
            verb, bytes, static_cast<long long>(offset), kUnit);
    }
    if (offset > kBytes - bytes) {
        report(Defect::OutOfBoundsShared, where, "%s of %u bytes at offset %lld of shared memory", verb, bytes,
               static_cast<long long>(offset));
    }
}

void SharedMemory::report_state(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const {
    for (std::uint32_t i = offset; i < offset + bytes; i++) {
        switch (bytes_->state[i / kUnit]) {
            case SharedState::Outside: {
                const char* region = "dynamic shared memory";
                std::uint32_t base = 0, size = dynamic_bytes_;
                for (const StaticVariable& variable : static_variables_) {
                    if (variable.offset > i) continue;
                    region = "a shared variable";
                    base = variable.offset;
                    size = variable.bytes;
                }
                report(Defect::OutOfBoundsShared, where, "%s of %u bytes at byte %u of %s, which has %u bytes", verb, bytes,
                       offset - base, region, size);
            }
            case SharedState::Unwritten:
                if (*verb == 'r') {
                    report(Defect::UnwrittenSharedRead, where,
                           "read of %u bytes at offset %u of shared memory, never written, or not yet (is a barrier missing?)",
                           bytes, offset);
                }
                break;
            case SharedState::AsyncCopyInFlight:
                report(Defect::AsyncCopyNotWaited, where,
                       "%s of %u bytes at offset %u of shared memory while a cp.async into it has not been waited for", verb,
                       bytes, offset);
            case SharedState::BulkCopyInFlight:
                report(
                    Defect::BulkCopyNotWaited, where,
                    "%s of %u bytes at offset %u of shared memory while a bulk copy into it is in flight: no completed wait for "
                    "the current phase of its mbarrier (phase bit not flipped?)",
                    verb, bytes, offset);
            case SharedState::BarrierObject:
                report(Defect::BarrierMisuse, where, "%s of %u bytes at offset %u of shared memory, which holds an mbarrier",
                       verb, bytes, offset);
            case SharedState::Written:
            case SharedState::WrittenByBulkCopy:
            case SharedState::WrittenByAtomic:
                break;
        }
    }
    __builtin_unreachable();
}

void SharedMemory::report_race(std::uint32_t offset, Epoch other, const char* other_verb, const char* verb, Where where) const {
    unsigned thread = other >> kEpochTimeBits;
    if (bytes_->state[offset / kUnit] == SharedState::WrittenByBulkCopy && *other_verb == 'w') {
        report(Defect::BulkCopyNotWaited, where,
               "%s at offset %u of shared memory, into which a bulk copy by thread %u has landed: no completed wait for that "
               "phase of "
               "its mbarrier (phase bit not flipped?)",
               verb, offset, thread);
    }
    report(Defect::SharedRace, where,
           "%s at offset %u of shared memory is not ordered after the %s by thread %u (warp %u lane %u): a barrier is missing "
           "between "
           "them%s",
           verb, offset, other_verb, thread, thread / kWarpLanes, thread % kWarpLanes,
           *verb == 'b' ? ", or that thread passed an mbarrier a phase too early (phase bit not flipped?)" : "");
}

inline void SharedMemory::note_state(std::uint32_t offset, std::uint32_t bytes, SharedState state) {
    const Units units(offset, bytes);
    std::memset(bytes_->state + units.begin, static_cast<int>(state), units.count());
}

inline void SharedMemory::note_writer(std::uint32_t offset, std::uint32_t bytes, Epoch now) {
    const Units units(offset, bytes);
    std::fill_n(bytes_->writer + units.begin, units.count(), now);
}

inline void SharedMemory::note_reader(std::uint32_t first_unit, std::uint32_t units, Epoch now) {
    constexpr std::uint32_t kThreadBits = ~kEpochTimeMask;
    Epoch* reader = bytes_->reader + first_unit;
    Epoch* other = bytes_->other_reader + first_unit;
    for (std::uint32_t i = 0; i < units; i++) {
        const Epoch before = reader[i];
        // Without a branch, so that the loop becomes vector code.
        other[i] = ((before ^ now) & kThreadBits) != 0 ? before : other[i];
        reader[i] = now;
    }
}

template <std::uint32_t kCount>
bool SharedMemory::read_quickly(const void* pointer) {
    auto offset = reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(data_);
    if (offset % kCount != 0 || offset > kBytes - kCount) return false;
    const Thread& thread = *current_thread;
    const auto unit = static_cast<std::uint32_t>(offset / kUnit);
    if (!are_all<kCount / kUnit>(bytes_->state + unit, SharedState::Written) ||
        !are_before<kCount / kUnit>(bytes_->writer + unit, thread, current_block->warps[thread.warp])) {
        return false;
    }
    note_reader(unit, kCount / kUnit, thread.epoch());
    return true;
}

template bool SharedMemory::read_quickly<2>(const void* pointer);
template bool SharedMemory::read_quickly<4>(const void* pointer);
template bool SharedMemory::read_quickly<8>(const void* pointer);
template bool SharedMemory::read_quickly<16>(const void* pointer);

void SharedMemory::read_slowly(const void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    check_range(pointer, bytes, alignment, "read", where);
    std::uint32_t offset = static_cast<std::uint32_t>(static_cast<const std::uint8_t*>(pointer) - data_);
    const Thread& thread = *current_thread;
    const Warp& warp = current_block->warps[thread.warp];
    const Epoch now = thread.epoch();
    const Units units(offset, bytes);
    Epoch known = bytes_->writer[units.begin];
    if (!happened_before(known, thread, warp)) report_race(offset, known, "write", "read", where);
    for (std::uint32_t i = units.begin; i < units.end; i++) {
        if (!is_written(bytes_->state[i])) report_state(offset, bytes, "read", where);
        Epoch writer = bytes_->writer[i];
        if (writer != known) {
            if (!happened_before(writer, thread, warp)) report_race(i * kUnit, writer, "write", "read", where);
            known = writer;
        }
    }
    note_reader(units.begin, units.count(), now);
}

void SharedMemory::check_writable(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const {
    const Thread& thread = *current_thread;
    const Warp& warp = current_block->warps[thread.warp];
    if (with_usual_size(bytes, [&](auto count) {
            const std::uint32_t unit = offset / kUnit;
            const SharedState state = bytes_->state[unit];
            if ((state != SharedState::Written && state != SharedState::Unwritten) ||
                !are_all<count>(bytes_->state + unit, state)) {
                return false;
            }
            for (const Epoch* epochs : {bytes_->writer, bytes_->reader, bytes_->other_reader}) {
                if (!are_before<count>(epochs + unit, thread, warp)) return false;
            }
            return true;
        })) {
        current_block->wgmma->check_operand_write(offset, bytes, where);
        return;
    }
    Epoch known = 0;
    const Units units(offset, bytes);
    for (std::uint32_t i = units.begin; i < units.end; i++) {
        if (!is_written(bytes_->state[i]) && bytes_->state[i] != SharedState::Unwritten) report_state(offset, bytes, verb, where);
        Epoch writer = bytes_->writer[i];
        if (writer != known) {
            if (!happened_before(writer, thread, warp)) report_race(i * kUnit, writer, "write", verb, where);
            known = writer;
        }
    }
    check_readers(offset, bytes, verb, where);
    current_block->wgmma->check_operand_write(offset, bytes, where);
}

void SharedMemory::check_readers(std::uint32_t offset, std::uint32_t bytes, const char* verb, Where where) const {
    const Thread& thread = *current_thread;
    const Warp& warp = current_block->warps[thread.warp];
    for (const Epoch* readers : {bytes_->reader, bytes_->other_reader}) {
        Epoch known = 0;
        const Units units(offset, bytes);
        for (std::uint32_t i = units.begin; i < units.end; i++) {
            if (readers[i] == known) continue;
            if (!happened_before(readers[i], thread, warp)) report_race(i * kUnit, readers[i], "read", verb, where);
            known = readers[i];
        }
    }
}

void SharedMemory::change_atomically(void* pointer, std::uint32_t bytes, Where where) {
    check_range(pointer, bytes, bytes, "read", where);
    std::uint32_t offset = static_cast<std::uint32_t>(static_cast<std::uint8_t*>(pointer) - data_);
    const Thread& thread = *current_thread;
    const Units units(offset, bytes);
    for (std::uint32_t i = units.begin; i < units.end; i++) {
        if (!is_written(bytes_->state[i])) report_state(offset, bytes, "read", where);
        if (bytes_->state[i] == SharedState::WrittenByAtomic) continue;
        if (!happened_before(bytes_->writer[i], thread, current_block->warps[thread.warp])) {
            report_race(i * kUnit, bytes_->writer[i], "write", "atomic operation", where);
        }
    }
    check_readers(offset, bytes, "atomic operation", where);
    current_block->wgmma->check_operand_write(offset, bytes, where);
    note_state(offset, bytes, SharedState::WrittenByAtomic);
    note_writer(offset, bytes, thread.epoch());
}

void SharedMemory::write(void* pointer, std::uint32_t bytes, std::uint32_t alignment, Where where) {
    check_range(pointer, bytes, alignment, "write", where);
    std::uint32_t offset = static_cast<std::uint32_t>(static_cast<std::uint8_t*>(pointer) - data_);
    check_writable(offset, bytes, "write", where);
    note_state(offset, bytes, SharedState::Written);
    note_writer(offset, bytes, current_thread->epoch());
}

void SharedMemory::begin_copy(std::uint32_t offset, std::uint32_t bytes, SharedState in_flight, Where where) {
    check_range(data_ + offset, bytes, 1, "write", where);
    check_writable(offset, bytes, in_flight == SharedState::BulkCopyInFlight ? "bulk copy" : "cp.async", where);
    note_state(offset, bytes, in_flight);
    std::memset(data_ + offset, kPoison, bytes);
}

void SharedMemory::land(std::uint32_t offset, const void* source, std::uint32_t bytes, Epoch epoch, SharedState written) {
    std::memcpy(data_ + offset, source, bytes);
    note_state(offset, bytes, written);
    note_writer(offset, bytes, epoch);
}

void SharedMemory::make_barrier_object(std::uint32_t offset, Where where) {
    check_range(data_ + offset, 8, 8, "write", where);
    if (bytes_->state[offset / kUnit] == SharedState::BarrierObject) {
        report(Defect::BarrierMisuse, where, "the mbarrier at offset %u of shared memory is initialised twice", offset);
    }
    check_writable(offset, 8, "write", where);
    note_state(offset, 8, SharedState::BarrierObject);
    note_writer(offset, 8, current_thread->epoch());
}

void SharedMemory::unmake_barrier_object(std::uint32_t offset) {
    note_state(offset, 8, SharedState::Unwritten);
}

void SharedMemory::check_barrier_object(std::uint32_t offset, Where where) {
    const Thread& thread = *current_thread;
    Epoch writer = bytes_->writer[offset / kUnit];
    if (!happened_before(writer, thread, current_block->warps[thread.warp])) {
        report_race(offset, writer, "initialisation", "use of the mbarrier", where);
    }
}

}  // namespace emu
