// 2^x in one instruction, where a result below the smallest normal number may be zero.
#pragma once

#include "common/platform.cuh"

#ifdef RM_EMULATOR

/// 2^x to two units in the last place; subnormal results are zero.
inline float exp2_flushed(float x) {
    const float y = exp2f(x);
    return y < 1.17549435e-38f ? 0.0f : y;
}

#else

// exp2f would scale the argument and the result of the same instruction, for subnormal results.
RM_DEVICE float exp2_flushed(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

#endif
