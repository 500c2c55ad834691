// ldmatrix, stmatrix and mma.sync: matrix operations of one warp (PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions").
#pragma once

#include <cstdint>

#include "emulator/defect.h"

namespace emu {

/// ldmatrix of `matrices` (1, 2 or 4) 8x8 matrices of 16-bit elements: lane 8 i + r gives the address of row r of matrix i.
void load_matrices(const void* row, unsigned matrices, bool transposed, std::uint32_t* words, Where where);
/// stmatrix, the opposite.
void store_matrices(void* row, unsigned matrices, bool transposed, const std::uint32_t* words, Where where);
/// mma.sync m16n8k16, bfloat16 inputs, float32 accumulators: d = a b + c.
void multiply_bf16(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where);
/// mma.sync m16n8k8, tf32 inputs (float32 words whose low 13 bits are ignored), float32 accumulators.
void multiply_tf32(float* d, const std::uint32_t* a, const std::uint32_t* b, const float* c, Where where);

}  // namespace emu
