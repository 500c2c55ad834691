// mbarrier: a barrier object of 8 bytes in shared memory that counts arrivals and, for bulk copies, bytes (sm_90).
//
// A phase completes when `count` arrivals have happened and all expected bytes have landed; the next begins at once. A waiter
// names the parity of the phase it waits for, 0 for the first, and flips it after every wait. After mbarrier_init, and before any
// other thread or copy uses the object: fence_mbarrier_init and a block barrier.
#pragma once

#include "common/memory.cuh"

#ifdef RM_EMULATOR

inline void mbarrier_init(SharedPtr<uint64> object, uint32 count, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->mbarriers->init(object.raw(), count, where);
}

inline void mbarrier_invalidate(SharedPtr<uint64> object, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->mbarriers->invalidate(object.raw(), where);
}

// Orders memory proxies on a GPU; one memory, one order here.
inline void fence_mbarrier_init() {}
/// Makes writes to shared memory visible to bulk copies and wgmma (the asynchronous proxy).
inline void fence_async_shared() {}

inline void mbarrier_arrive(SharedPtr<uint64> object, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->mbarriers->arrive(object.raw(), 0, where);
}

/// Adds `bytes` to what the current phase waits for, and arrives.
inline void mbarrier_arrive_expect(SharedPtr<uint64> object, uint32 bytes, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->mbarriers->arrive(object.raw(), bytes, where);
}

/// Waits until the phase of that parity has completed.
inline void mbarrier_wait(SharedPtr<uint64> object, uint32 parity, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->mbarriers->wait(object.raw(), parity, where);
}

#elif __CUDA_ARCH__ >= 900

RM_DEVICE void mbarrier_init(SharedPtr<uint64> object, uint32 count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(object)), "r"(count) : "memory");
}

RM_DEVICE void mbarrier_invalidate(SharedPtr<uint64> object) {
    asm volatile("mbarrier.inval.shared::cta.b64 [%0];" ::"r"(shared_address(object)) : "memory");
}

RM_DEVICE void fence_mbarrier_init() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

RM_DEVICE void fence_async_shared() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

RM_DEVICE void mbarrier_arrive(SharedPtr<uint64> object) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(object)) : "memory");
}

RM_DEVICE void mbarrier_arrive_expect(SharedPtr<uint64> object, uint32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(object)), "r"(bytes) : "memory");
}

RM_DEVICE void mbarrier_wait(SharedPtr<uint64> object, uint32 parity) {
    const uint32 address = shared_address(object);
    uint32 done;
    do {
        asm volatile(
            "{\n"
            ".reg .pred complete;\n"
            "mbarrier.try_wait.parity.shared::cta.b64 complete, [%1], %2;\n"
            "selp.u32 %0, 1, 0, complete;\n"
            "}\n"
            : "=r"(done)
            : "r"(address), "r"(parity)
            : "memory");
    } while (done == 0);
}

#endif
