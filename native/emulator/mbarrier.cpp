#include "emulator/mbarrier.h"

#include <algorithm>

#include "emulator/block.h"
#include "emulator/shared_memory.h"

namespace emu {

void Mbarriers::start() {
    objects_.clear();
}

Mbarriers::Object& Mbarriers::find(const void* pointer, Where where) {
    SharedMemory& shared = *current_block->shared;
    std::uint32_t offset = shared.offset_of(pointer, where);
    for (Object& object : objects_) {
        if (object.offset != offset) continue;
        shared.check_barrier_object(offset, where);
        return object;
    }
    report(Defect::BarrierMisuse, where, "there is no initialised mbarrier at offset %u of shared memory", offset);
}

void Mbarriers::init(const void* pointer, std::uint32_t count, Where where) {
    SharedMemory& shared = *current_block->shared;
    std::uint32_t offset = shared.offset_of(pointer, where);
    if (count == 0 || count > (1u << 20) - 1) report(Defect::BarrierMisuse, where, "mbarrier count %u", count);
    shared.make_barrier_object(offset, where);
    Object object;
    object.offset = offset;
    object.count = object.pending = count;
    objects_.push_back(object);
}

void Mbarriers::invalidate(const void* pointer, Where where) {
    Object& object = find(pointer, where);
    if (!object.waiting.empty()) report(Defect::BarrierMisuse, where, "mbarrier invalidated while threads wait at it");
    current_block->shared->unmake_barrier_object(object.offset);
    objects_.erase(objects_.begin() + (&object - objects_.data()));
}

void Mbarriers::arrive(const void* pointer, std::uint32_t expect_bytes, Where where) {
    Object& object = find(pointer, where);
    // All arrivals of the phase have happened, and only its bytes are outstanding: this one belongs to no phase.
    if (object.pending == 0) {
        report(Defect::BarrierMisuse, where, "an arrival more than the %u that phase %u of the mbarrier expects", object.count,
               object.phase);
    }
    object.bytes += expect_bytes;
    current_block->release_to(object.current);
    object.pending--;
    complete_phase_if_due(object);
}

void Mbarriers::complete_phase_if_due(Object& object) {
    if (object.pending != 0 || object.bytes != 0) return;
    Block& block = *current_block;
    object.completed.join(object.current);
    object.current = {};
    object.pending = object.count;
    object.phase++;
    for (std::size_t i = 0; i < object.waiting.size();) {
        if ((object.phase & 1) == object.waiting_parity[i]) {
            i++;
            continue;
        }
        block.make_ready(block.threads[object.waiting[i]]);
        object.waiting.erase(object.waiting.begin() + static_cast<std::ptrdiff_t>(i));
        object.waiting_parity.erase(object.waiting_parity.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void Mbarriers::wait(const void* pointer, std::uint32_t parity, Where where) {
    Block& block = *current_block;
    Object* object = &find(pointer, where);
    std::uint32_t offset = object->offset;
    if ((object->phase & 1) == (parity & 1)) {
        object->waiting.push_back(current_thread->linear);
        object->waiting_parity.push_back(parity & 1);
        block.wait("an mbarrier", where);
        object = &find(block.shared->data() + offset, where);
    }
    block.acquire_from(object->completed, current_thread->warp);
}

void Mbarriers::join_copy(std::uint32_t offset, Where where) {
    Object& object = find(current_block->shared->data() + offset, where);
    current_block->release_to(object.current);
}

void Mbarriers::complete_bytes(std::uint32_t offset, std::uint32_t bytes) {
    auto object = std::find_if(objects_.begin(), objects_.end(), [&](const Object& entry) { return entry.offset == offset; });
    if (object == objects_.end()) return;
    object->bytes -= bytes;
    complete_phase_if_due(*object);
}

void Mbarriers::report_if_stuck() {
    for (const Object& object : objects_) {
        if (object.waiting.empty()) continue;
        current_thread = &current_block->threads[object.waiting.front()];
        report(Defect::StuckBarrier, current_thread->wait.where,
               "the wait for parity %u of the mbarrier at offset %u of shared memory never ends: its phase %u still expects %u "
               "of %u "
               "arrivals and %lld bytes (phase bit not flipped?)",
               object.waiting_parity.front(), object.offset, object.phase, object.pending, object.count,
               static_cast<long long>(object.bytes));
    }
}

}  // namespace emu
