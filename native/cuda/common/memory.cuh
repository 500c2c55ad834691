// Pointers that say which memory they point to. On a GPU they are raw pointers; under the emulator every access through them is
// checked (bounds, alignment, never-written bytes, races and copies in flight in shared memory) and reported with its line.
//
// Rules that keep a kernel compiling in both worlds: kernel parameters are GlobalPtr<T>; shared memory is declared with
// RM_SHARED or RM_DYNAMIC_SHARED and reached through SharedPtr<T>; `p[i]`, `p + n` and comparison with nullptr are all one can do
// with them (no `*p`, no `auto x = p[i]`, no `&p[i]`: write `p + i`); wider accesses go through load_packet and store_packet.
#pragma once

#include "common/platform.cuh"

#ifdef RM_EMULATOR

template <typename T>
using GlobalPtr = ::emu::GlobalPointer<T>;
template <typename T>
using SharedPtr = ::emu::SharedPointer<T>;

// The address of the lambda's static identifies the variable; all threads of a block get the same memory.
#define RM_SHARED(type, name, count)                                                                                 \
    SharedPtr<type> name = [] {                                                                                      \
        static const char key = 0;                                                                                   \
        return SharedPtr<type>(static_cast<type*>(                                                                   \
            ::emu::current_block->shared->static_variable(&key, sizeof(type) * (count), 16, ::emu::Where::here()))); \
    }()
#define RM_DYNAMIC_SHARED(name) SharedPtr<uint8> name(static_cast<uint8*>(::emu::current_block->shared->dynamic()))

template <typename T>
inline SharedPtr<T> shared_cast(SharedPtr<uint8> pointer) {
    return SharedPtr<T>(reinterpret_cast<T*>(pointer.raw()));
}

#else

template <typename T>
using GlobalPtr = T*;
template <typename T>
using SharedPtr = T*;

#define RM_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define RM_DYNAMIC_SHARED(name) extern __shared__ __align__(1024) uint8 name[]

template <typename T>
RM_DEVICE SharedPtr<T> shared_cast(SharedPtr<uint8> pointer) {
    return reinterpret_cast<T*>(pointer);
}

/// Address in the shared window, as PTX instructions take it.
template <typename T>
RM_DEVICE uint32 shared_address(SharedPtr<T> pointer) {
    return static_cast<uint32>(__cvta_generic_to_shared(pointer));
}

#endif
