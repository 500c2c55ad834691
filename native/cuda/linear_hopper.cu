// Linear layers on wgmma and TMA, for sm_90a alone: persistent blocks in which one warpgroup copies and two multiply (the
// warp-specialised scheme of CUTLASS's Hopper kernels, Thakkar et al.). The design is docs/adr/0003-hopper-products.md.
//
//   forward:   y[m,n] = sum_k a[m,k] b[n,k] + sum_r a2[m,r] b2[n,r] + bias[n] + residual[m,n]
//              (y = x W^T, LoRA: a2 = S, b2 = B)
//   backward:  y[m,n] = sum_k a[m,k] b[k,n] + sum_r a2[m,r] b2[r,n] + residual[m,n]
//              (dX = dY W, LoRA: a2 = dS, b2 = A)
//   swiglu:    y = forward without residual, 2F columns, gate before up; and product[m,f] = gate * sigmoid(gate) * up of the
//              rounded y[m,f] and y[m,F+f], as swiglu_forward_bf16 computes it from memory
//
// The second pair is the "virtual K extension" of linear.cu: further stages of the same ring, from a second pair of tensor maps.
// Only as many slices of 16 ranks are multiplied as there are: up to rank 16 that is a quarter of a stage.
//
// Shapes: a [M, K], b [N, K] (forward) or [K, N] (backward), residual and y [M, N], product [M, F], bfloat16; bias [N] float32.
// y = and product =. Float32 sums in order of k, 16 at a time; deterministic, and a row of y depends on no other row of a: a tile
// belongs to one block, and which block that is, is all that the size of the GPU decides.
//
// Launch: grid min(tiles, multiprocessors) with tiles = ceil(M / 128) * ceil(N / 256) (swiglu: ceil(F / 128)), block 384, 229,440
// bytes of dynamic shared memory. Tensor maps: a, a2 with boxes [128, 64]; b, b2 with boxes [128, 64] (forward) or [64, 64]
// (backward); bfloat16, 128-byte swizzle, zeros outside. k >= 1; residual may be y. Why it is ordered: common/hopper_ring.cuh.
// Never run on a GPU yet.
#include "common/hopper_ring.cuh"

// Other architectures have no such kernels, rather than kernels that do nothing.
#if defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

namespace {

using namespace hopper_linear;

constexpr int kProducerRegisters = 40;

/// Fills the ring with all steps of all tiles of this block. One thread.
template <Layer kLayer>
RM_DEVICE void produce(const HopperLinearArgs& args, const Work& work, const TensorMap& a, const TensorMap& b,
                       const TensorMap& a2, const TensorMap& b2) {
    RingPosition position;
    const int tiles = work.tiles_m * work.tiles_n;
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
        int tile_m, tile_n;
        place_of_tile(tile, work.tiles_m, work.tiles_n, tile_m, tile_n);
        for (int step = 0; step < work.steps; step++) {
            const bool in_main = step < work.main_steps;
            const int k = (in_main ? step : step - work.main_steps) * kTileK;
            const SharedPtr<bfloat16> tile_a = work.ring + position.stage * kStage;
            const SharedPtr<uint64> full = work.full + position.stage;
            // The phase before the first counts as complete: the first round does not wait.
            mbarrier_wait(work.empty + position.stage, position.parity ^ 1);
            mbarrier_arrive_expect(full, kStageBytes);
            bulk_load_2d(tile_a, in_main ? a : a2, full, k, tile_m * kTileM);
            copy_b<kLayer>(args, tile_a + kTileA, in_main ? b : b2, full, tile_n, k);
            position.advance();
        }
    }
}

template <Layer kLayer>
RM_DEVICE void multiply(const HopperLinearArgs& args, const TensorMap& a, const TensorMap& b, const TensorMap& a2,
                        const TensorMap& b2) {
    RM_DYNAMIC_SHARED(memory);
    run_block<kLayer, kProducerRegisters>(args, memory, 1, [&](const Work& work) {
        if (threadIdx.x == 0) produce<kLayer>(args, work, a, b, a2, b2);
    });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                              const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                              const __grid_constant__ HopperLinearArgs args) {
    multiply<Layer::kForward>(args, a, b, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_wgmma_swiglu(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                                     const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                                     const __grid_constant__ HopperLinearArgs args) {
    multiply<Layer::kSwiGlu>(args, a, b, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_backward_bf16_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                               const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                               const __grid_constant__ HopperLinearArgs args) {
    multiply<Layer::kBackward>(args, a, b, a2, b2);
}

RM_KERNEL(linear_forward_bf16_wgmma, kThreads)
RM_KERNEL(linear_forward_bf16_wgmma_swiglu, kThreads)
RM_KERNEL(linear_backward_bf16_wgmma, kThreads)

RM_LAYOUT(HopperLinearArgs, RM_FIELD(HopperLinearArgs, bias), RM_FIELD(HopperLinearArgs, residual), RM_FIELD(HopperLinearArgs, y),
          RM_FIELD(HopperLinearArgs, product), RM_FIELD(HopperLinearArgs, m), RM_FIELD(HopperLinearArgs, n),
          RM_FIELD(HopperLinearArgs, k), RM_FIELD(HopperLinearArgs, extension_k), RM_FIELD(HopperLinearArgs, ldy),
          RM_FIELD(HopperLinearArgs, ldr), RM_FIELD(HopperLinearArgs, ldp), RM_FIELD(HopperLinearArgs, packets))

#endif
