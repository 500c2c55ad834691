// bfloat16 without CUDA's header: the upper half of a float32, rounded to nearest even.
#pragma once

#include "common/platform.cuh"

struct bfloat16 {
    uint16 bits;
};

RM_DEVICE float to_float(float value) {
    return value;
}

RM_DEVICE float to_float(bfloat16 value) {
    return __uint_as_float(static_cast<uint32>(value.bits) << 16);
}

/// The two bfloat16 halves of a word as float32.
RM_DEVICE float low_to_float(uint32 pair) {
    return __uint_as_float(pair << 16);
}

RM_DEVICE float high_to_float(uint32 pair) {
    return __uint_as_float(pair & 0xFFFF0000u);
}

#ifdef RM_EMULATOR

inline bfloat16 to_bfloat16(float value) {
    uint32 bits = __float_as_uint(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return {0x7FFF};  // the NaN that cvt.rn.bf16.f32 gives
    return {static_cast<uint16>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16)};
}

/// A word with `low` in its lower half.
inline uint32 to_bfloat16_pair(float low, float high) {
    return static_cast<uint32>(to_bfloat16(high).bits) << 16 | to_bfloat16(low).bits;
}

#else

RM_DEVICE bfloat16 to_bfloat16(float value) {
    bfloat16 result;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
    return result;
}

RM_DEVICE uint32 to_bfloat16_pair(float low, float high) {
    uint32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

#endif

template <typename T>
RM_DEVICE T from_float(float value);

template <>
RM_DEVICE float from_float<float>(float value) {
    return value;
}

template <>
RM_DEVICE bfloat16 from_float<bfloat16>(float value) {
    return to_bfloat16(value);
}
