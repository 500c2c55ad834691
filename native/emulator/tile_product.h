// The product of two small tiles in float32, in order of k: what one tensor instruction computes.
#pragma once

namespace emu {

/// Eight floats that the compiler keeps in one or two vector registers.
using Eight = float __attribute__((vector_size(32)));

/// d[16][8] += a[16][depth] b[depth][8], in order of k, each product and each sum rounded.
void multiply_tile(Eight* d, const float* a, const Eight* b, int depth);

}  // namespace emu
