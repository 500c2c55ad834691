// SwiGLU of one element (Shazeer 2020), for the kernel that reads gate and up from memory and for the product that has them in
// registers.
#pragma once

#include "common/platform.cuh"

// Exact at both ends: exp overflows to infinity for gates far below zero, and the quotient is then 0.
RM_DEVICE float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

RM_DEVICE float swiglu(float gate, float up) {
    return gate * sigmoid(gate) * up;
}
