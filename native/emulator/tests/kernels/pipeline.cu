// A small product with everything that Hopper's kernels use at once: a producer warp that fills a ring of stages with bulk tensor
// copies, a warpgroup that multiplies them with wgmma, full and empty mbarriers with flipping phases, and a bulk store of the
// result.
//
//   y[64, 64] tile = a[M, K] b[N, K]^T, bfloat16; grid (N / 64, M / 64), block 160, K any multiple of 8.
#include "common/bulk_copy.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/wgmma.cuh"

namespace {

constexpr int kTile = 64, kDepth = 64, kStages = 3, kConsumers = 128;
constexpr int kTileElements = kTile * kDepth;
constexpr uint32 kStageBytes = 2 * kTileElements * 2;

}  // namespace

extern "C" __global__ void __launch_bounds__(160)
    pipeline_product(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                     const __grid_constant__ TensorMap y, int32 k) {
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(uint64, full, kStages);
    RM_SHARED(uint64, empty, kStages);
    const SharedPtr<bfloat16> ring = shared_cast<bfloat16>(memory);
    const int row = static_cast<int>(blockIdx.y) * kTile, column = static_cast<int>(blockIdx.x) * kTile;
    const int steps = static_cast<int>(ceil_div(k, kDepth));
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; stage++) {
            mbarrier_init(full + stage, 1);
            mbarrier_init(empty + stage, kConsumers);
        }
        fence_mbarrier_init();
    }
    __syncthreads();

    Fragment<float, kTile / 2> sums;
    if (threadIdx.x < kConsumers) {
        for (int i = 0; i < kTile / 2; i++) sums[i] = 0.0f;
        for (int step = 0; step < steps; step++) {
            const int stage = step % kStages;
            mbarrier_wait(full + stage, static_cast<uint32>(step / kStages) & 1);
            const SharedPtr<bfloat16> tile_a = ring + stage * 2 * kTileElements, tile_b = tile_a + kTileElements;
            wgmma_fence();
#pragma unroll
            for (int part = 0; part < kDepth; part += 16) {
                multiply_warpgroup<kTile>(sums, operand_descriptor(tile_a + part, 16, 1024, OperandSwizzle::k128),
                                          operand_descriptor(tile_b + part, 16, 1024, OperandSwizzle::k128), true);
            }
            wgmma_commit();
            wgmma_wait<0>();
            mbarrier_arrive(empty + stage);
        }
    } else if (threadIdx.x == kConsumers) {
        for (int step = 0; step < steps; step++) {
            const int stage = step % kStages;
            // The parity of the phase before the first counts as complete: the first round does not wait.
            mbarrier_wait(empty + stage, static_cast<uint32>(step / kStages + 1) & 1);
            const SharedPtr<bfloat16> tile_a = ring + stage * 2 * kTileElements;
            mbarrier_arrive_expect(full + stage, kStageBytes);
            bulk_load_2d(tile_a, a, full + stage, step * kDepth, row);
            bulk_load_2d(tile_a + kTileElements, b, full + stage, step * kDepth, column);
        }
    }
    __syncthreads();

    // The first stage becomes the tile of the result, in the map's 128-byte swizzle: 16-byte chunk c of row r lies at c ^ (r %
    // 8).
    if (threadIdx.x < kConsumers) {
        const int warp = static_cast<int>(threadIdx.x) / kWarpSize, lane = static_cast<int>(threadIdx.x) % kWarpSize;
        for (int i = 0; i < kTile / 2; i += 2) {
            const int r = 16 * warp + lane / 4 + 8 * (i / 2 % 2), chunk = i / 4;
            store_pair(ring + r * kTile + (chunk ^ (r % 8)) * 8 + 2 * (lane % 4), sums[i], sums[i + 1]);
        }
        fence_async_shared();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        bulk_store_2d(y, ring, column, row);
        bulk_commit();
        bulk_wait<0>();
    }
}

RM_KERNEL(pipeline_product, 160)
