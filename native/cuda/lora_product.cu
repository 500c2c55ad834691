// The narrow products of LoRA (Hu et al. 2021) on the tensor cores of sm_80 and later, bound by the reading of a. The float32
// factor comes as two bfloat16 matrices, b = high + low, which keeps 16 of its bits: products that cancel keep the precision of
// a.
//
//   forward:   p[t,j] = scale * sum_k dropout(a)[t,k] b[j,k]       (S = scale * dropout(x) A^T)
//   backward:  p[t,j] = scale * sum_k a[t,k] b[k,j]                (dS = scale * dY B, B block-diagonal over the layer's parts)
//
// Shapes: a [T, K], b_high and b_low [R, K] (forward) or [K, R] (backward), p [T, R], all bfloat16 with a row stride (ld*, in
// elements); columns first <= j < end of p are assigned, the others left alone. Dropout zeroes elements of a's tile in shared
// memory; its factor is in scale. p = ; accumulation in float32 in order of k; deterministic, and a row of p depends on no other
// row of a.
//
// Launch: grid (ceil(T / 64), ceil((end - first / 8 * 8) / 32)), block 128, 49152 bytes of dynamic shared memory. a, b_high,
// b_low and their rows start at multiples of 16 bytes. Not yet timed on a GPU.
#include "common/chunk.cuh"
#include "common/dropout.cuh"
#include "common/launch.cuh"
#include "common/tensor_core.cuh"

struct LoraProductArgs {
    GlobalPtr<const bfloat16> a;
    GlobalPtr<const bfloat16> b_high;
    GlobalPtr<const bfloat16> b_low;
    GlobalPtr<bfloat16> p;
    DropoutArgs dropout;
    float scale;
    int32 rows;
    int32 k;
    int32 lda;
    int32 ldb;
    int32 ldp;
    int32 first;
    int32 end;
};

namespace {

constexpr int kTileM = 64, kTileN = 32, kTileK = 64;
constexpr int kStages = 3, kThreads = 128;
constexpr int kTileA = kTileM * kTileK, kTileB = kTileN * kTileK, kStageElements = kTileA + 2 * kTileB;
constexpr int kChunksA = kTileA / kChunk / kThreads, kChunksB = kTileB / kChunk / kThreads;
constexpr int kRowsApart = kThreads / (kTileK / kChunk);  // between the rows of a that a thread copies

// Row and chunk of the i-th piece of a's tile that this thread copies, and masks: the same in every stage.
RM_DEVICE int row_of_copy(int i) {
    return static_cast<int>(threadIdx.x) / (kTileK / kChunk) + i * kRowsApart;
}

RM_DEVICE int chunk_of_copy() {
    return static_cast<int>(threadIdx.x) % (kTileK / kChunk);
}

template <bool kBIsNK>
RM_DEVICE void copy_stage(SharedPtr<bfloat16> stage, const LoraProductArgs& args, int first_m, int first_n, int k) {
    const SharedPtr<bfloat16> tile_b = stage + kTileA;
    const int chunk = chunk_of_copy();
#pragma unroll
    for (int i = 0; i < kChunksA; i++) {
        const int row = row_of_copy(i);
        copy_chunk(stage + chunk_at<kTileK>(row, chunk), args.a, first_m + row, k + chunk * kChunk, args.rows, args.k, args.lda);
    }
#pragma unroll
    for (int i = 0; i < kChunksB; i++) {
        const int piece = static_cast<int>(threadIdx.x) + i * kThreads;
        if constexpr (kBIsNK) {
            const int row = piece / (kTileK / kChunk), column = piece % (kTileK / kChunk);
            const int at = chunk_at<kTileK>(row, column), from = k + column * kChunk;
            copy_chunk(tile_b + at, args.b_high, first_n + row, from, args.end, args.k, args.ldb);
            copy_chunk(tile_b + kTileB + at, args.b_low, first_n + row, from, args.end, args.k, args.ldb);
        } else {
            const int row = piece / (kTileN / kChunk), column = piece % (kTileN / kChunk);
            const int at = chunk_at<kTileN>(row, column), from = first_n + column * kChunk;
            copy_chunk(tile_b + at, args.b_high, k + row, from, args.k, args.end, args.ldb);
            copy_chunk(tile_b + kTileB + at, args.b_low, k + row, from, args.k, args.end, args.ldb);
        }
    }
}

// sums += the products of one stage, for the warp's 16 rows. Sixteen columns without a rank are left out.
template <bool kBIsNK>
RM_DEVICE void multiply_stage(SharedPtr<bfloat16> stage, int warp_m, int columns, int lane, Fragment<float, 4> (&sums)[4]) {
    const SharedPtr<bfloat16> tile_b = stage + kTileA;
#pragma unroll
    for (int k = 0; k < kTileK; k += 16) {
        Fragment<uint32, 4> a;
        load_matrices<4>(a, stage + chunk_at<kTileK>(warp_m + lane % 16, k / kChunk + lane / 16));
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
            if (pair * 16 >= columns) break;
#pragma unroll
            for (int low = 0; low < 2; low++) {
                Fragment<uint32, 4> words;
                if constexpr (kBIsNK) {
                    const int row = pair * 16 + lane / 16 * 8 + lane % 8;
                    load_matrices<4>(words, tile_b + low * kTileB + chunk_at<kTileK>(row, k / kChunk + lane / 8 % 2));
                } else {
                    load_matrices_transposed<4>(words,
                                                tile_b + low * kTileB + chunk_at<kTileN>(k + lane % 16, pair * 2 + lane / 16));
                }
                Fragment<uint32, 2> b;
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    b[0] = words[2 * half];
                    b[1] = words[2 * half + 1];
                    multiply_m16n8k16(sums[2 * pair + half], a, b);
                }
            }
        }
    }
}

RM_DEVICE void store(const LoraProductArgs& args, int64 row, int column, float sum) {
    if (row < args.rows && column >= args.first && column < args.end) {
        args.p[row * args.ldp + column] = to_bfloat16(args.scale * sum);
    }
}

template <bool kBIsNK>
RM_DEVICE void product_tile(const LoraProductArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> ring = shared_cast<bfloat16>(memory);
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp_m = static_cast<int>(threadIdx.x) / kWarpSize * 16;
    const int first_m = static_cast<int>(blockIdx.x) * kTileM;
    const int first_n = args.first / kChunk * kChunk + static_cast<int>(blockIdx.y) * kTileN;
    const int columns = args.end - first_n, steps = static_cast<int>(ceil_div(args.k, kTileK));
    const bool drops = kBIsNK && args.dropout.keys != nullptr;
    uint32 keys[kChunksA];
#pragma unroll
    for (int i = 0; i < kChunksA; i++) {
        keys[i] = 0;
        if (drops && first_m + row_of_copy(i) < args.rows) keys[i] = args.dropout.keys[first_m + row_of_copy(i)];
    }

    auto copy_step = [&](int step) {
        if (step < steps) copy_stage<kBIsNK>(ring + step % kStages * kStageElements, args, first_m, first_n, step * kTileK);
        copy_async_commit();
    };
    Fragment<float, 4> sums[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) sums[j][e] = 0.0f;
    }
    for (int step = 0; step < kStages - 1; step++) copy_step(step);
    for (int step = 0; step < steps; step++) {
        const SharedPtr<bfloat16> stage = ring + step % kStages * kStageElements;
        copy_async_wait<kStages - 2>();
        if (drops) {
            // What a thread copied has landed for itself here; the barrier shows the masked values to the others.
#pragma unroll
            for (int i = 0; i < kChunksA; i++) {
                drop_chunk(stage + chunk_at<kTileK>(row_of_copy(i), chunk_of_copy()), args.dropout, keys[i],
                           step * kTileK + chunk_of_copy() * kChunk);
            }
        }
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        copy_step(step + kStages - 1);
        multiply_stage<kBIsNK>(stage, warp_m, columns, lane, sums);
    }

#pragma unroll
    for (int j = 0; j < 4; j++) {
        const int64 row = first_m + warp_m + lane / 4;
        const int column = first_n + j * 8 + lane % 4 * 2;
        store(args, row, column, sums[j][0]);
        store(args, row, column + 1, sums[j][1]);
        store(args, row + 8, column, sums[j][2]);
        store(args, row + 8, column + 1, sums[j][3]);
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) lora_product_forward_bf16(LoraProductArgs args) {
    product_tile<true>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) lora_product_backward_bf16(LoraProductArgs args) {
    product_tile<false>(args);
}

RM_KERNEL(lora_product_forward_bf16, kThreads)
RM_KERNEL(lora_product_backward_bf16, kThreads)

RM_LAYOUT(DropoutArgs, RM_FIELD(DropoutArgs, keys), RM_FIELD(DropoutArgs, seed), RM_FIELD(DropoutArgs, stream),
          RM_FIELD(DropoutArgs, threshold))
RM_LAYOUT(LoraProductArgs, RM_FIELD(LoraProductArgs, a), RM_FIELD(LoraProductArgs, b_high), RM_FIELD(LoraProductArgs, b_low),
          RM_FIELD(LoraProductArgs, p), RM_FIELD(LoraProductArgs, dropout), RM_FIELD(LoraProductArgs, scale),
          RM_FIELD(LoraProductArgs, rows), RM_FIELD(LoraProductArgs, k), RM_FIELD(LoraProductArgs, lda),
          RM_FIELD(LoraProductArgs, ldb), RM_FIELD(LoraProductArgs, ldp), RM_FIELD(LoraProductArgs, first),
          RM_FIELD(LoraProductArgs, end))
