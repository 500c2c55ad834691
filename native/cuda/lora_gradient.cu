// Gradients of LoRA's factors: products over the tokens, narrow on one side and bound by the reading of the other.
//
//   partial[s,j,c] = sum over the tokens t of split s of p[t,j] dropout(q)[t,c]      (GradA: p = dS, q = x; GradB: p = S, q = dY)
//   reduce:  gradient[j,c] += scale * sum_s partial[s,j,c], in order of s            for each target, a block of ranks and
//   columns
//
// Shapes: p [T, R], q [T, C] bfloat16 with a row stride (ld*, in elements); partial [splits, R, C] float32, =. A target's
// gradient is float32, +=, with strides of its own for ranks and columns (B is stored [columns, r]). The splits depend on T, R
// and C alone: deterministic.
//
// Launch: grid (ceil(C / 128), splits, ceil(R / 32)), block 128, 40960 bytes of dynamic shared memory; rows_per_split is a
// multiple of 32. p, q and their rows start at multiples of 16 bytes. Reduce: grid (ceil(columns / 256), ranks, targets) with the
// largest of the targets' extents, block 256; up to four targets. Not yet timed on a GPU.
#include "common/chunk.cuh"
#include "common/dropout.cuh"
#include "common/launch.cuh"
#include "common/tensor_core.cuh"

struct LoraGradientArgs {
    GlobalPtr<const bfloat16> p;
    GlobalPtr<const bfloat16> q;
    GlobalPtr<float> partial;
    DropoutArgs dropout;
    int32 rows;
    int32 rows_per_split;
    int32 ranks;
    int32 columns;
    int32 ldp;
    int32 ldq;
};

struct LoraReduceTarget {
    GlobalPtr<float> gradient;
    int32 rank_row;  // of partial
    int32 ranks;
    int32 column;  // of partial
    int32 columns;
    int32 rank_stride;  // of gradient
    int32 column_stride;
};

struct LoraReduceArgs {
    GlobalPtr<const float> partial;
    LoraReduceTarget first;
    LoraReduceTarget second;
    LoraReduceTarget third;
    LoraReduceTarget fourth;
    int32 splits;
    int32 ranks;  // of partial
    int32 columns;
    float scale;
};

namespace {

constexpr int kTileM = 32, kTileN = 128, kTileK = 32;  // ranks, columns, tokens
constexpr int kStages = 4, kThreads = 128, kReduceThreads = 256;
constexpr int kTileP = kTileK * kTileM, kTileQ = kTileK * kTileN, kStageElements = kTileP + kTileQ;
constexpr int kChunksQ = kTileQ / kChunk / kThreads;

// Row of the i-th piece of q's tile that this thread copies, and masks.
RM_DEVICE int row_of_copy(int i) {
    return static_cast<int>(threadIdx.x) / (kTileN / kChunk) + i * (kThreads / (kTileN / kChunk));
}

RM_DEVICE int chunk_of_copy() {
    return static_cast<int>(threadIdx.x) % (kTileN / kChunk);
}

RM_DEVICE void copy_stage(SharedPtr<bfloat16> stage, const LoraGradientArgs& args, int first_m, int first_n, int t, int end) {
    static_assert(kTileP / kChunk == kThreads, "a thread copies one piece of p's tile");
    const int row_p = static_cast<int>(threadIdx.x) / (kTileM / kChunk),
              chunk_p = static_cast<int>(threadIdx.x) % (kTileM / kChunk);
    copy_chunk(stage + chunk_at<kTileM>(row_p, chunk_p), args.p, t + row_p, first_m + chunk_p * kChunk, end, args.ranks,
               args.ldp);
    const int chunk = chunk_of_copy();
#pragma unroll
    for (int i = 0; i < kChunksQ; i++) {
        const int row = row_of_copy(i);
        copy_chunk(stage + kTileP + chunk_at<kTileN>(row, chunk), args.q, t + row, first_n + chunk * kChunk, end, args.columns,
                   args.ldq);
    }
}

RM_DEVICE void drop_stage(SharedPtr<bfloat16> tile_q, const DropoutArgs& dropout, int first_n, int t, int end) {
    const int chunk = chunk_of_copy();
#pragma unroll
    for (int i = 0; i < kChunksQ; i++) {
        const int row = row_of_copy(i);
        if (t + row < end) {
            drop_chunk(tile_q + chunk_at<kTileN>(row, chunk), dropout, dropout.keys[t + row], first_n + chunk * kChunk);
        }
    }
}

// sums += the products of one stage, for the warp's 32 columns. Both operands lie with tokens as rows: ldmatrix transposes them.
RM_DEVICE void multiply_stage(SharedPtr<bfloat16> stage, int warp_n, int ranks, int lane, Fragment<float, 4> (&sums)[2][4]) {
    const SharedPtr<bfloat16> tile_q = stage + kTileP;
#pragma unroll
    for (int k = 0; k < kTileK; k += 16) {
        Fragment<uint32, 2> b[4];
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
            Fragment<uint32, 4> words;
            load_matrices_transposed<4>(words, tile_q + chunk_at<kTileN>(k + lane % 16, warp_n / kChunk + pair * 2 + lane / 16));
            b[2 * pair][0] = words[0];
            b[2 * pair][1] = words[1];
            b[2 * pair + 1][0] = words[2];
            b[2 * pair + 1][1] = words[3];
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            if (i * 16 >= ranks) break;
            Fragment<uint32, 4> a;
            load_matrices_transposed<4>(a, stage + chunk_at<kTileM>(k + lane / 16 * 8 + lane % 8, i * 2 + lane / 8 % 2));
#pragma unroll
            for (int j = 0; j < 4; j++) multiply_m16n8k16(sums[i][j], a, b[j]);
        }
    }
}

RM_DEVICE void store(const LoraGradientArgs& args, int rank, int column, float sum) {
    if (rank < args.ranks && column < args.columns) {
        args.partial[(static_cast<int64>(blockIdx.y) * args.ranks + rank) * args.columns + column] = sum;
    }
}

RM_DEVICE void gradient_tile(const LoraGradientArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> ring = shared_cast<bfloat16>(memory);
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp_n = static_cast<int>(threadIdx.x) / kWarpSize * 32;
    const int first_n = static_cast<int>(blockIdx.x) * kTileN, first_m = static_cast<int>(blockIdx.z) * kTileM;
    const int begin = static_cast<int>(blockIdx.y) * args.rows_per_split;
    const int end = minimum(args.rows, begin + args.rows_per_split);
    const int ranks = args.ranks - first_m, steps = static_cast<int>(ceil_div(end - begin, kTileK));

    auto copy_step = [&](int step) {
        if (step < steps) {
            copy_stage(ring + step % kStages * kStageElements, args, first_m, first_n, begin + step * kTileK, end);
        }
        copy_async_commit();
    };
    Fragment<float, 4> sums[2][4];
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
        }
    }
    for (int step = 0; step < kStages - 1; step++) copy_step(step);
    for (int step = 0; step < steps; step++) {
        const SharedPtr<bfloat16> stage = ring + step % kStages * kStageElements;
        copy_async_wait<kStages - 2>();
        if (args.dropout.keys != nullptr) drop_stage(stage + kTileP, args.dropout, first_n, begin + step * kTileK, end);
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        copy_step(step + kStages - 1);
        multiply_stage(stage, warp_n, ranks, lane, sums);
    }

#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int rank = first_m + i * 16 + lane / 4, column = first_n + warp_n + j * 8 + lane % 4 * 2;
            store(args, rank, column, sums[i][j][0]);
            store(args, rank, column + 1, sums[i][j][1]);
            store(args, rank + 8, column, sums[i][j][2]);
            store(args, rank + 8, column + 1, sums[i][j][3]);
        }
    }
}

RM_DEVICE void reduce_target(const LoraReduceArgs& args, const LoraReduceTarget& target) {
    const int rank = static_cast<int>(blockIdx.y), column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (rank >= target.ranks || column >= target.columns) return;
    const int64 stride = static_cast<int64>(args.ranks) * args.columns;
    const GlobalPtr<const float> first = args.partial + static_cast<int64>(target.rank_row + rank) * args.columns + target.column;
    float sum = 0.0f;
    for (int split = 0; split < args.splits; split++) sum += first[split * stride + column];
    const int64 at = static_cast<int64>(rank) * target.rank_stride + static_cast<int64>(column) * target.column_stride;
    target.gradient[at] = target.gradient[at] + args.scale * sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) lora_gradient_backward_bf16(LoraGradientArgs args) {
    gradient_tile(args);
}

// Targets by name: an array indexed at run time would put the arguments into local memory.
extern "C" __global__ void __launch_bounds__(kReduceThreads) lora_gradient_backward_f32_reduce(LoraReduceArgs args) {
    if (blockIdx.z == 0) {
        reduce_target(args, args.first);
    } else if (blockIdx.z == 1) {
        reduce_target(args, args.second);
    } else if (blockIdx.z == 2) {
        reduce_target(args, args.third);
    } else {
        reduce_target(args, args.fourth);
    }
}

RM_KERNEL(lora_gradient_backward_bf16, kThreads)
RM_KERNEL(lora_gradient_backward_f32_reduce, kReduceThreads)

RM_LAYOUT(LoraGradientArgs, RM_FIELD(LoraGradientArgs, p), RM_FIELD(LoraGradientArgs, q), RM_FIELD(LoraGradientArgs, partial),
          RM_FIELD(LoraGradientArgs, dropout), RM_FIELD(LoraGradientArgs, rows), RM_FIELD(LoraGradientArgs, rows_per_split),
          RM_FIELD(LoraGradientArgs, ranks), RM_FIELD(LoraGradientArgs, columns), RM_FIELD(LoraGradientArgs, ldp),
          RM_FIELD(LoraGradientArgs, ldq))
RM_LAYOUT(LoraReduceTarget, RM_FIELD(LoraReduceTarget, gradient), RM_FIELD(LoraReduceTarget, rank_row),
          RM_FIELD(LoraReduceTarget, ranks), RM_FIELD(LoraReduceTarget, column), RM_FIELD(LoraReduceTarget, columns),
          RM_FIELD(LoraReduceTarget, rank_stride), RM_FIELD(LoraReduceTarget, column_stride))
RM_LAYOUT(LoraReduceArgs, RM_FIELD(LoraReduceArgs, partial), RM_FIELD(LoraReduceArgs, first), RM_FIELD(LoraReduceArgs, second),
          RM_FIELD(LoraReduceArgs, third), RM_FIELD(LoraReduceArgs, fourth), RM_FIELD(LoraReduceArgs, splits),
          RM_FIELD(LoraReduceArgs, ranks), RM_FIELD(LoraReduceArgs, columns), RM_FIELD(LoraReduceArgs, scale))
