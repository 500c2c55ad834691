// Kernels that do one operation of a warp (mma.sync, ldmatrix; sm_80) on words given by the host, so that layouts can be compared
// with tables, and the emulator with a GPU.
#include "common/launch.cuh"
#include "common/memory.cuh"
#include "common/tensor_core.cuh"

// words: a [32, 4], b [32, 2]; c and d [32, 4].
extern "C" __global__ void fragment_mma_bf16(GlobalPtr<const uint32> a, GlobalPtr<const uint32> b, GlobalPtr<float> d) {
    Fragment<uint32, 4> words_a;
    Fragment<uint32, 2> words_b;
    Fragment<float, 4> sums;
    for (int i = 0; i < 4; i++) words_a[i] = a[threadIdx.x * 4 + i];
    for (int i = 0; i < 2; i++) words_b[i] = b[threadIdx.x * 2 + i];
    for (int i = 0; i < 4; i++) sums[i] = d[threadIdx.x * 4 + i];
    multiply_m16n8k16(sums, words_a, words_b);
    for (int i = 0; i < 4; i++) d[threadIdx.x * 4 + i] = sums[i];
}

extern "C" __global__ void fragment_mma_tf32(GlobalPtr<const uint32> a, GlobalPtr<const uint32> b, GlobalPtr<float> d) {
    Fragment<uint32, 4> words_a;
    Fragment<uint32, 2> words_b;
    Fragment<float, 4> sums;
    for (int i = 0; i < 4; i++) words_a[i] = a[threadIdx.x * 4 + i];
    for (int i = 0; i < 2; i++) words_b[i] = b[threadIdx.x * 2 + i];
    for (int i = 0; i < 4; i++) sums[i] = d[threadIdx.x * 4 + i];
    multiply_m16n8k8_tf32(sums, words_a, words_b);
    for (int i = 0; i < 4; i++) d[threadIdx.x * 4 + i] = sums[i];
}

namespace {

template <int kMatrices, bool kTransposed>
RM_DEVICE void load(SharedPtr<bfloat16> tile, GlobalPtr<uint32> words) {
    Fragment<uint32, kMatrices> own;
    if constexpr (kTransposed) {
        load_matrices_transposed<kMatrices>(own, tile + threadIdx.x * 8);
    } else {
        load_matrices<kMatrices>(own, tile + threadIdx.x * 8);
    }
    for (int i = 0; i < kMatrices; i++) words[threadIdx.x * kMatrices + i] = own[i];
}

}  // namespace

// elements: four 8x8 matrices one after the other; words [32, matrices]; transposed only for 2 and 4.
extern "C" __global__ void fragment_load(GlobalPtr<const uint16> elements, GlobalPtr<uint32> words, int32 matrices,
                                         int32 transposed) {
    RM_SHARED(bfloat16, tile, 256);
    for (uint32 i = threadIdx.x; i < 256; i += 32) tile[i] = bfloat16{elements[i]};
    __syncwarp();
    if (transposed != 0) {
        if (matrices == 2) load<2, true>(tile, words);
        if (matrices == 4) load<4, true>(tile, words);
    } else {
        if (matrices == 1) load<1, false>(tile, words);
        if (matrices == 2) load<2, false>(tile, words);
        if (matrices == 4) load<4, false>(tile, words);
    }
}

RM_KERNEL(fragment_mma_bf16, 32)
RM_KERNEL(fragment_mma_tf32, 32)
RM_KERNEL(fragment_load, 32)
