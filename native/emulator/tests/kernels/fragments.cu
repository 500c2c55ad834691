// Kernels that do one operation of sm_90 (stmatrix, wgmma, bulk copies) on words given by the host, so that layouts can be
// compared with tables, and the emulator with a GPU.
#include "common/bulk_copy.cuh"
#include "common/launch.cuh"
#include "common/memory.cuh"
#include "common/tensor_core.cuh"
#include "common/wgmma.cuh"

// The opposite of fragment_load for four matrices.
extern "C" __global__ void fragment_store(GlobalPtr<const uint32> words, GlobalPtr<uint16> elements) {
    RM_SHARED(bfloat16, tile, 256);
    Fragment<uint32, 4> own;
    for (int i = 0; i < 4; i++) own[i] = words[threadIdx.x * 4 + i];
    store_matrices<4>(tile + threadIdx.x * 8, own);
    __syncwarp();
    for (uint32 i = threadIdx.x; i < 256; i += 32) {
        const bfloat16 element = tile[i];
        elements[i] = element.bits;
    }
}

struct WarpgroupArgs {
    GlobalPtr<const uint16> image;    // what shared memory holds, `count` elements
    GlobalPtr<const uint32> a_words;  // [128, 4], or null: A is in shared memory
    GlobalPtr<float> d;               // [128, columns / 2], both input and output
    int32 count, a_start, b_start;    // in elements
    uint32 leading_a, stride_a, leading_b, stride_b, swizzle;
    int32 columns, rows_major, products;
};

namespace {

template <int kColumns, OperandMajor kMajor>
RM_DEVICE void multiply(const WarpgroupArgs& args, uint64 a, uint64 b) {
    Fragment<float, kColumns / 2> sums;
    const int first = static_cast<int>(threadIdx.x) * kColumns / 2;
    for (int i = 0; i < kColumns / 2; i++) sums[i] = args.d[first + i];
    Fragment<uint32, 4> words;
    if (args.a_words != nullptr) {
        for (int i = 0; i < 4; i++) words[i] = args.a_words[threadIdx.x * 4 + i];
    }
    wgmma_fence();
    for (int i = 0; i < args.products; i++) {
        if (args.a_words != nullptr) {
            multiply_warpgroup<kColumns, kMajor>(sums, words, b, true);
        } else {
            multiply_warpgroup<kColumns, kMajor, kMajor>(sums, a, b, true);
        }
        wgmma_commit();
    }
    wgmma_wait<0>();
    for (int i = 0; i < kColumns / 2; i++) args.d[first + i] = sums[i];
}

template <OperandMajor kMajor>
RM_DEVICE void multiply_columns(const WarpgroupArgs& args, uint64 a, uint64 b) {
    if (args.columns == 64) multiply<64, kMajor>(args, a, b);
    if (args.columns == 128) multiply<128, kMajor>(args, a, b);
    if (args.columns == 256) multiply<256, kMajor>(args, a, b);
}

}  // namespace

// `products` times d += a b, one after the other without a wait between.
extern "C" __global__ void fragment_warpgroup(WarpgroupArgs args) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    for (int i = static_cast<int>(threadIdx.x); i < args.count; i += 128) tile[i] = bfloat16{args.image[i]};
    fence_async_shared();
    __syncthreads();
    const OperandSwizzle swizzle = static_cast<OperandSwizzle>(args.swizzle);
    const uint64 a = operand_descriptor(tile + args.a_start, args.leading_a, args.stride_a, swizzle);
    const uint64 b = operand_descriptor(tile + args.b_start, args.leading_b, args.stride_b, swizzle);
    if (args.rows_major != 0) {
        multiply_columns<OperandMajor::kRows>(args, a, b);
    } else {
        multiply_columns<OperandMajor::kDepth>(args, a, b);
    }
}

// Loads the box at (x, y) and gives its bytes as they lie in shared memory; then stores the box through the second map at (x, y).
extern "C" __global__ void fragment_bulk(const __grid_constant__ TensorMap from, const __grid_constant__ TensorMap to,
                                         GlobalPtr<uint16> image, int32 count, int32 x, int32 y) {
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(uint64, object, 1);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    if (threadIdx.x == 0) {
        mbarrier_init(object, 1);
        fence_mbarrier_init();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(object, static_cast<uint32>(count) * 2);
        bulk_load_2d(tile, from, object, x, y);
    }
    mbarrier_wait(object, 0);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += 32) {
        const bfloat16 element = tile[i];
        image[i] = element.bits;
    }
    if (threadIdx.x == 0) {
        bulk_store_2d(to, tile, x, y);
        bulk_commit();
        bulk_wait<0>();
    }
}

RM_KERNEL(fragment_store, 32)
RM_KERNEL(fragment_warpgroup, 128)
RM_KERNEL(fragment_bulk, 32)
