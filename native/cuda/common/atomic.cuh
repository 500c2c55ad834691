// Atomic operations on integers in global and shared memory; relaxed, as on a GPU. There are none on floating-point numbers:
// their sums would depend on the order of the threads.
#pragma once

#include "common/memory.cuh"

#ifdef RM_EMULATOR
#include "emulator/atomic.h"

/// Adds and gives the value before. T is uint32, int32 or uint64.
template <typename Space, typename T>
inline T atomic_add(::emu::Pointer<Space, T> pointer, T value, ::emu::Where where = ::emu::Where::here()) {
    return ::emu::atomic_change(
        pointer, [value](T before) { return static_cast<T>(before + value); }, where);
}

/// Stores `value` when the memory holds `expected`; gives the value before.
template <typename Space, typename T>
inline T atomic_compare_exchange(::emu::Pointer<Space, T> pointer, T expected, T value,
                                 ::emu::Where where = ::emu::Where::here()) {
    return ::emu::atomic_change(
        pointer, [=](T before) { return before == expected ? value : before; }, where);
}

#else

template <typename T>
RM_DEVICE T atomic_add(T* pointer, T value) {
    return atomicAdd(pointer, value);
}

template <typename T>
RM_DEVICE T atomic_compare_exchange(T* pointer, T expected, T value) {
    return atomicCAS(pointer, expected, value);
}

#endif
