// Linear layers on the tensor cores of sm_80 and later (common/tile_product.cuh).
//
//   forward:   y[m,n] = sum_k a[m,k] b[n,k] + sum_r a2[m,r] b2[n,r] + bias[n] + residual[m,n]       (y = x W^T, LoRA: a2 = S, b2
//   = B) backward:  y[m,n] = sum_k a[m,k] b[k,n] + sum_r a2[m,r] b2[r,n] + residual[m,n]                 (dX = dY W, LoRA: a2 =
//   dS, b2 = A)
//
// The second pair of operands is the "virtual K extension": after the last step of the K loop the ring goes on with it, so y is
// written once. Its k is 0 without one. residual and bias may be null; residual may be y, which makes y +=.
//
// Shapes: a [M, K], b [N, K] (forward) or [K, N] (backward), residual and y [M, N], all bfloat16 with a row stride (ld*, in
// elements); bias [N] float32. y = ; accumulation in float32 in order of k; deterministic, and a row of y depends on no other row
// of a.
//
// Launch: grid (ceil(M / 128) * ceil(N / 128)), block 256, 65536 bytes of dynamic shared memory. Contract "16-byte rows": a, b,
// a2, b2 and their rows start at multiples of 16 bytes (lda, ldb multiples of 8). y and residual: 4-byte aligned when ldy, ldr
// are even.
#include "common/linear_tile.cuh"

namespace {

using tile_product::kThreads;

template <bool kBTransposed>
RM_DEVICE void multiply(const LinearArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    linear_tile::multiply<kBTransposed>(args, shared_cast<bfloat16>(memory), linear_tile::DenseWeight<kBTransposed>(args));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16(LinearArgs args) {
    multiply<false>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16(LinearArgs args) {
    multiply<true>(args);
}

RM_KERNEL(linear_forward_bf16, kThreads)
RM_KERNEL(linear_backward_bf16, kThreads)

RM_LAYOUT(LinearOperands, RM_FIELD(LinearOperands, a), RM_FIELD(LinearOperands, b), RM_FIELD(LinearOperands, lda),
          RM_FIELD(LinearOperands, ldb), RM_FIELD(LinearOperands, k), RM_FIELD(LinearOperands, reserved))
RM_LAYOUT(LinearArgs, RM_FIELD(LinearArgs, main), RM_FIELD(LinearArgs, extension), RM_FIELD(LinearArgs, bias),
          RM_FIELD(LinearArgs, residual), RM_FIELD(LinearArgs, y), RM_FIELD(LinearArgs, m), RM_FIELD(LinearArgs, n),
          RM_FIELD(LinearArgs, ldy), RM_FIELD(LinearArgs, ldr))
