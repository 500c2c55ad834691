// Bulk tensor copies (TMA, sm_90): one thread copies a box of a tensor between global and shared memory.
//
// The tensor map is a kernel parameter: `const __grid_constant__ TensorMap map`, encoded by the host. Coordinates are in
// elements, innermost first. What lies outside the tensor arrives as zero and counts as bytes; stores leave it out. With the
// 128-byte swizzle the box in shared memory starts at a multiple of 1024 bytes and its inner extent is 128 bytes.
#pragma once

#include "common/mbarrier.cuh"

#ifdef RM_EMULATOR

#include "emulator/tensor_map.h"

using TensorMap = ::emu::TensorMap;
#define __grid_constant__

/// Copies the box at (x, y) to `target`; its bytes count towards the current phase of `object`.
template <typename T>
inline void bulk_load_2d(SharedPtr<T> target, const TensorMap& map, SharedPtr<uint64> object, int32 x, int32 y,
                         ::emu::Where where = ::emu::Where::here()) {
    const int32 coordinates[] = {x, y};
    ::emu::current_block->bulk_copies->load_tensor(target.raw(), map, coordinates, 2, object.raw(), where);
}

/// Copies `bytes` (a multiple of 16) consecutive bytes.
template <typename T>
inline void bulk_load(SharedPtr<T> target, GlobalPtr<const T> source, uint32 bytes, SharedPtr<uint64> object,
                      ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->bulk_copies->load(target.raw(), source.raw(), bytes, object.raw(), where);
}

/// Copies the box from shared memory to (x, y); part of the thread's open bulk group.
template <typename T>
inline void bulk_store_2d(const TensorMap& map, SharedPtr<T> source, int32 x, int32 y,
                          ::emu::Where where = ::emu::Where::here()) {
    const int32 coordinates[] = {x, y};
    ::emu::current_block->bulk_copies->store_tensor(map, source.raw(), coordinates, 2, where);
}

inline void bulk_commit() {
    ::emu::current_block->bulk_copies->commit();
}

/// Waits until at most kOutstanding of the thread's newest bulk groups are unfinished.
template <int kOutstanding>
inline void bulk_wait() {
    ::emu::current_block->bulk_copies->wait(kOutstanding);
}

#else

struct alignas(64) TensorMap {
    uint8 opaque[128];
};

#if __CUDA_ARCH__ >= 900

template <typename T>
RM_DEVICE void bulk_load_2d(SharedPtr<T> target, const TensorMap& map, SharedPtr<uint64> object, int32 x, int32 y) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
                 :
                 : "r"(shared_address(target)), "l"(&map), "r"(shared_address(object)), "r"(x), "r"(y)
                 : "memory");
}

template <typename T>
RM_DEVICE void bulk_load(SharedPtr<T> target, GlobalPtr<const T> source, uint32 bytes, SharedPtr<uint64> object) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                 :
                 : "r"(shared_address(target)), "l"(source), "r"(bytes), "r"(shared_address(object))
                 : "memory");
}

template <typename T>
RM_DEVICE void bulk_store_2d(const TensorMap& map, SharedPtr<T> source, int32 x, int32 y) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];"
                 :
                 : "l"(&map), "r"(shared_address(source)), "r"(x), "r"(y)
                 : "memory");
}

RM_DEVICE void bulk_commit() {
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

template <int kOutstanding>
RM_DEVICE void bulk_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kOutstanding) : "memory");
}

#endif
#endif
