// A thread's part of a matrix. Under the emulator its indices are checked, and touching it while a wgmma owns it is reported.
#pragma once

#include "common/platform.cuh"

#ifdef RM_EMULATOR

#include "emulator/fragment.h"

template <typename T, int kCount>
using Fragment = ::emu::Fragment<T, kCount>;

#else

template <typename T, int kCount>
struct Fragment {
    T values[kCount];

    RM_DEVICE T& operator[](int i) { return values[i]; }
    RM_DEVICE const T& operator[](int i) const { return values[i]; }
    RM_DEVICE T* data() { return values; }
    RM_DEVICE const T* data() const { return values; }
};

#endif
