#include "emulator/async_copy.h"

#include <cstring>

#include "emulator/block.h"
#include "emulator/global_memory.h"
#include "emulator/shared_memory.h"

namespace emu {

void AsyncCopies::start() {
    if (!used_) return;
    for (Queue& queue : queues_) {
        queue.groups.clear();
        queue.open.clear();
    }
    used_ = false;
}

void AsyncCopies::copy(void* shared, const void* global, std::uint32_t bytes, std::uint32_t valid, Where where) {
    SharedMemory& memory = *current_block->shared;
    std::uint32_t offset = memory.offset_of(shared, where);
    if (offset % bytes != 0 || reinterpret_cast<std::uintptr_t>(global) % bytes != 0) {
        report(Defect::MisalignedAccess, where, "cp.async of %u bytes from %p to offset %u of shared memory", bytes, global,
               offset);
    }
    if (valid > bytes) report(Defect::OutOfBoundsShared, where, "cp.async of %u bytes asks for %u bytes of source", bytes, valid);
    // The source is checked now, because it must be readable at any time from now on; it is read when the copy lands.
    if (valid != 0) check_global_read(global, valid, 1, where);
    memory.begin_copy(offset, bytes, SharedState::AsyncCopyInFlight, where);
    used_ = true;
    queues_[current_thread->linear].open.push_back(
        {global, offset, static_cast<std::uint8_t>(bytes), static_cast<std::uint8_t>(valid), where});
}

void AsyncCopies::commit() {
    Queue& queue = queues_[current_thread->linear];
    used_ = true;
    queue.groups.push_back(std::move(queue.open));
    queue.open.clear();
}

void AsyncCopies::wait(unsigned outstanding) {
    Queue& queue = queues_[current_thread->linear];
    while (queue.groups.size() > outstanding) {
        for (const Copy& copy : queue.groups.front()) land(copy);
        queue.groups.pop_front();
    }
}

void AsyncCopies::land(const Copy& copy) {
    std::uint8_t bytes[16] = {};
    if (copy.valid != 0) std::memcpy(bytes, copy.global, copy.valid);
    current_block->shared->land(copy.offset, bytes, copy.bytes, current_thread->epoch(), SharedState::Written);
}

void AsyncCopies::check_finished(const Thread& thread) {
    if (!used_) return;
    const Queue& queue = queues_[thread.linear];
    const Copy* unfinished = queue.open.empty() ? nullptr : &queue.open.front();
    for (const auto& group : queue.groups) {
        if (!group.empty()) unfinished = &group.front();
    }
    if (unfinished != nullptr) {
        report(Defect::AsyncCopyUnfinished, unfinished->where,
               "the thread exits without waiting for a cp.async that it issued here");
    }
}

}  // namespace emu
