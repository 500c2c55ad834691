// Atomic changes of global and shared memory by kernels. Blocks run on several threads of the host, so global ones are atomic
// there too.
#pragma once

#include <atomic>

#include "emulator/pointers.h"

namespace emu {

/// Replaces the value by change(value) in one step; gives the value before. Other threads may run before the next instruction.
template <typename Space, typename T, typename Change>
T atomic_change(Pointer<Space, T> pointer, Change change, Where where) {
    static_assert(std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "atomics are on 32- and 64-bit integers");
    Space::check_atomic(pointer.raw(), sizeof(T), where);
    std::atomic_ref<T> value(*pointer.raw());
    T before = value.load();
    while (!value.compare_exchange_weak(before, change(before))) {
    }
    if (current_block->random.below(4) == 0) current_block->yield();
    return before;
}

}  // namespace emu
