// cp.async (sm_80): copies of 16 bytes from global to shared memory that bypass registers and land before their group's wait
// ends.
//
// Every thread commits its copies in groups and waits for its own groups; others may read what it copied after a barrier
// that follows the wait. Under the emulator the destination is poisoned until that wait.
#pragma once

#include "common/memory.cuh"

#ifdef RM_EMULATOR

/// Copies 16 bytes, of which the first `valid_bytes` come from `source` and the rest become zero (nothing is read for 0).
template <typename T>
inline void copy_async_16(SharedPtr<T> target, GlobalPtr<const T> source, uint32 valid_bytes = 16,
                          ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->async_copies->copy(target.raw(), source.raw(), 16, valid_bytes, where);
}

inline void copy_async_commit() {
    ::emu::current_block->async_copies->commit();
}

/// Waits until at most kOutstanding of the thread's newest groups have not landed.
template <int kOutstanding>
inline void copy_async_wait() {
    ::emu::current_block->async_copies->wait(kOutstanding);
}

#else

// Without a count: with one, even of 16, the machine code computes a mask and another address.
template <typename T>
RM_DEVICE void copy_async_16(SharedPtr<T> target, GlobalPtr<const T> source) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" : : "r"(shared_address(target)), "l"(source) : "memory");
}

template <typename T>
RM_DEVICE void copy_async_16(SharedPtr<T> target, GlobalPtr<const T> source, uint32 valid_bytes) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;"
                 :
                 : "r"(shared_address(target)), "l"(source), "r"(valid_bytes)
                 : "memory");
}

RM_DEVICE void copy_async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int kOutstanding>
RM_DEVICE void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kOutstanding) : "memory");
}

#endif
