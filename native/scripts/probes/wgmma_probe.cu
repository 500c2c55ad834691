// Uses every form of the wgmma, mbarrier and bulk-copy wrappers once, so that they are compiled for sm_90a and their machine code
// can be looked at. Never launched; no kernel of the library.
#include "common/barrier.cuh"
#include "common/bulk_copy.cuh"
#include "common/tensor_core.cuh"
#include "common/wgmma.cuh"

namespace {

template <int kColumns, OperandMajor kMajor>
RM_DEVICE float product(uint64 a, uint64 b, const Fragment<uint32, 4>& registers) {
    Fragment<float, kColumns / 2> sums;
    for (int i = 0; i < kColumns / 2; i++) sums[i] = 0.0f;
    wgmma_fence();
    multiply_warpgroup<kColumns, kMajor, kMajor>(sums, a, b, false);
    multiply_warpgroup<kColumns, kMajor>(sums, registers, b, true);
    wgmma_commit();
    wgmma_wait<0>();
    float total = 0.0f;
    for (int i = 0; i < kColumns / 2; i++) total += sums[i];
    return total;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(128)
    wgmma_probe(const __grid_constant__ TensorMap map, GlobalPtr<float> out, GlobalPtr<const bfloat16> bytes) {
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(uint64, object, 1);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    if (threadIdx.x == 0) {
        mbarrier_init(object, 1);
        fence_mbarrier_init();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(object, 16384 + 1024);
        bulk_load_2d(tile, map, object, 0, 0);
        bulk_load(tile + 8192, bytes, 1024, object);
    }
    mbarrier_wait(object, 0);
    const uint64 a = operand_descriptor(tile, 16, 1024, OperandSwizzle::k128);
    Fragment<uint32, 4> registers;
    load_matrices<4>(registers, tile + threadIdx.x % 32 * 8);
    float total = product<64, OperandMajor::kDepth>(a, a, registers) + product<128, OperandMajor::kDepth>(a, a, registers) +
                  product<256, OperandMajor::kDepth>(a, a, registers) + product<128, OperandMajor::kRows>(a, a, registers);
    named_barrier_sync(1, 128);
    store_matrices<4>(tile + threadIdx.x % 32 * 8, registers);
    fence_async_shared();
    __syncthreads();
    if (threadIdx.x == 0) {
        bulk_store_2d(map, tile, 0, 0);
        bulk_commit();
        bulk_wait<0>();
        mbarrier_arrive(object);
        mbarrier_invalidate(object);
    }
    out[threadIdx.x] = total;
}
