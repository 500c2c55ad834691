// The ground that every kernel stands on: integer types, function decorations, and the one switch between the two worlds.
//
// A kernel is compiled three ways without a change: by nvcc and NVRTC for a GPU (no CUDA header is included), and by the host
// compiler with RM_EMULATOR defined, where the emulator supplies threadIdx, __syncthreads, shuffles and checked pointers.
// All inline PTX is in the wrappers of this folder; each wrapper has a body for either world.
#pragma once

#ifdef RM_EMULATOR
#include "emulator/device.h"
#define RM_DEVICE inline __attribute__((always_inline))
#define RM_RESTRICT
#else
#define RM_DEVICE __device__ __forceinline__
#define RM_RESTRICT __restrict__
#endif

using uint8 = unsigned char;
using uint16 = unsigned short;
using uint32 = unsigned int;
using uint64 = unsigned long long;
using int32 = int;
using int64 = long long;

constexpr int kWarpSize = 32;
constexpr uint32 kFullWarp = 0xFFFFFFFFu;

template <typename T>
RM_DEVICE constexpr T minimum(T a, T b) {
    return a < b ? a : b;
}

template <typename T>
RM_DEVICE constexpr T maximum(T a, T b) {
    return a > b ? a : b;
}

RM_DEVICE constexpr int64 ceil_div(int64 a, int64 b) {
    return (a + b - 1) / b;
}
