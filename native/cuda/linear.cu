// Linear layers on the tensor cores of sm_80 and later: mma.sync fed by ldmatrix from a ring of shared-memory stages that
// cp.async fills (the multistage scheme of CUTLASS's sm_80 kernels, Thakkar et al.).
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
#include "common/chunk.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/tensor_core.cuh"
#include "common/tile_order.cuh"

struct LinearOperands {
    GlobalPtr<const bfloat16> a;
    GlobalPtr<const bfloat16> b;
    int32 lda;
    int32 ldb;
    int32 k;
    int32 reserved;  // 0
};

struct LinearArgs {
    LinearOperands main;
    LinearOperands extension;
    GlobalPtr<const float> bias;
    GlobalPtr<const bfloat16> residual;
    GlobalPtr<bfloat16> y;
    int32 m;
    int32 n;
    int32 ldy;
    int32 ldr;
};

namespace {

constexpr int kTileM = 128, kTileN = 128, kTileK = 32;
constexpr int kStages = 4, kThreads = 256;
constexpr int kWarpM = 64, kWarpN = 32;  // 2 x 4 warps
constexpr int kTileElements = kTileM * kTileK;
constexpr int kStageElements = 2 * kTileElements;
static_assert(kTileM == kTileN, "both operands' tiles have kTileElements elements");

// Member by member: choosing between two structures by address would put the kernel's arguments into local memory.
RM_DEVICE LinearOperands choose(bool first, const LinearOperands& one, const LinearOperands& other) {
    LinearOperands chosen;
    chosen.a = first ? one.a : other.a;
    chosen.b = first ? one.b : other.b;
    chosen.lda = first ? one.lda : other.lda;
    chosen.ldb = first ? one.ldb : other.ldb;
    chosen.k = first ? one.k : other.k;
    chosen.reserved = 0;
    return chosen;
}

// One step of the ring: tiles of a and b at depth k.
template <bool kBIsNK>
RM_DEVICE void copy_stage(SharedPtr<bfloat16> stage, const LinearOperands& operands, int first_m, int first_n, int k,
                          const LinearArgs& args) {
    const SharedPtr<bfloat16> tile_a = stage, tile_b = stage + kTileElements;
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kTileElements / kChunk; i += kThreads) {
        const int row = i / (kTileK / kChunk), chunk = i % (kTileK / kChunk);
        copy_chunk(tile_a + chunk_at<kTileK>(row, chunk), operands.a, first_m + row, k + chunk * kChunk, args.m, operands.k,
                   operands.lda);
        if constexpr (kBIsNK) {
            copy_chunk(tile_b + chunk_at<kTileK>(row, chunk), operands.b, first_n + row, k + chunk * kChunk, args.n, operands.k,
                       operands.ldb);
        } else {
            const int row_k = i / (kTileN / kChunk), chunk_n = i % (kTileN / kChunk);
            copy_chunk(tile_b + chunk_at<kTileN>(row_k, chunk_n), operands.b, k + row_k, first_n + chunk_n * kChunk, operands.k,
                       args.n, operands.ldb);
        }
    }
}

// sums += the products of one stage, for the warp's 64 x 32 part of the tile.
template <bool kBIsNK>
RM_DEVICE void multiply_stage(SharedPtr<bfloat16> stage, int warp_m, int warp_n, int lane, Fragment<float, 4> (&sums)[4][4]) {
    const SharedPtr<bfloat16> tile_a = stage, tile_b = stage + kTileElements;
#pragma unroll
    for (int k = 0; k < kTileK; k += 16) {
        Fragment<uint32, 4> a[4];
        Fragment<uint32, 2> b[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            load_matrices<4>(a[i], tile_a + chunk_at<kTileK>(warp_m + i * 16 + lane % 16, k / kChunk + lane / 16));
        }
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
            // Four matrices: columns 0-7 and 8-15 of sixteen, each with both halves of the k range.
            Fragment<uint32, 4> words;
            if constexpr (kBIsNK) {
                const int row = warp_n + pair * 16 + lane / 16 * 8 + lane % 8;
                load_matrices<4>(words, tile_b + chunk_at<kTileK>(row, k / kChunk + lane / 8 % 2));
            } else {
                const int chunk = (warp_n + pair * 16) / kChunk + lane / 16;
                load_matrices_transposed<4>(words, tile_b + chunk_at<kTileN>(k + lane % 16, chunk));
            }
            b[2 * pair][0] = words[0];
            b[2 * pair][1] = words[1];
            b[2 * pair + 1][0] = words[2];
            b[2 * pair + 1][1] = words[3];
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) multiply_m16n8k16(sums[i][j], a[i], b[j]);
        }
    }
}

// Adds bias and residual to two neighbouring sums and stores them.
RM_DEVICE void store_sums(const LinearArgs& args, int64 row, int column, float first, float second) {
    if (row >= args.m || column >= args.n) return;
    const bool both = column + 1 < args.n;
    if (args.bias != nullptr) {
        first += args.bias[column];
        if (both) second += args.bias[column + 1];
    }
    const int64 at = row * args.ldy + column;
    if (args.residual != nullptr) {
        const GlobalPtr<const bfloat16> residual = args.residual + row * args.ldr + column;
        if (both && args.ldr % 2 == 0) {
            const uint32 pair = load_pair(residual);
            first += low_to_float(pair);
            second += high_to_float(pair);
        } else {
            first += to_float(residual[0]);
            if (both) second += to_float(residual[1]);
        }
    }
    if (both && args.ldy % 2 == 0) {
        store_pair(args.y + at, first, second);
    } else {
        args.y[at] = to_bfloat16(first);
        if (both) args.y[at + 1] = to_bfloat16(second);
    }
}

template <bool kBIsNK>
RM_DEVICE void linear_tile(const LinearArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> ring = shared_cast<bfloat16>(memory);
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int warp_m = warp / (kTileN / kWarpN) * kWarpM, warp_n = warp % (kTileN / kWarpN) * kWarpN;
    int tile_m, tile_n;
    place_of_tile(static_cast<int>(blockIdx.x), static_cast<int>(ceil_div(args.m, kTileM)),
                  static_cast<int>(ceil_div(args.n, kTileN)), tile_m, tile_n);
    const int first_m = tile_m * kTileM, first_n = tile_n * kTileN;

    const int main_steps = static_cast<int>(ceil_div(args.main.k, kTileK));
    const int steps = main_steps + static_cast<int>(ceil_div(args.extension.k, kTileK));
    // A group is committed for every step, also for those past the end: the count of outstanding groups stays simple.
    auto copy_step = [&](int step) {
        if (step < steps) {
            const SharedPtr<bfloat16> stage = ring + step % kStages * kStageElements;
            const bool in_main = step < main_steps;
            copy_stage<kBIsNK>(stage, choose(in_main, args.main, args.extension), first_m, first_n,
                               (in_main ? step : step - main_steps) * kTileK, args);
        }
        copy_async_commit();
    };

    Fragment<float, 4> sums[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
        }
    }
    for (int step = 0; step < kStages - 1; step++) copy_step(step);
    for (int step = 0; step < steps; step++) {
        copy_async_wait<kStages - 2>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        copy_step(step + kStages - 1);
        multiply_stage<kBIsNK>(ring + step % kStages * kStageElements, warp_m, warp_n, lane, sums);
    }

#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int64 row = first_m + warp_m + i * 16 + lane / 4;
            const int column = first_n + warp_n + j * 8 + lane % 4 * 2;
            store_sums(args, row, column, sums[i][j][0], sums[i][j][1]);
            store_sums(args, row + 8, column, sums[i][j][2], sums[i][j][3]);
        }
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16(LinearArgs args) {
    linear_tile<true>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16(LinearArgs args) {
    linear_tile<false>(args);
}

RM_KERNEL(linear_forward_bf16, kThreads)
RM_KERNEL(linear_backward_bf16, kThreads)

RM_LAYOUT(LinearOperands, RM_FIELD(LinearOperands, a), RM_FIELD(LinearOperands, b), RM_FIELD(LinearOperands, lda),
          RM_FIELD(LinearOperands, ldb), RM_FIELD(LinearOperands, k), RM_FIELD(LinearOperands, reserved))
RM_LAYOUT(LinearArgs, RM_FIELD(LinearArgs, main), RM_FIELD(LinearArgs, extension), RM_FIELD(LinearArgs, bias),
          RM_FIELD(LinearArgs, residual), RM_FIELD(LinearArgs, y), RM_FIELD(LinearArgs, m), RM_FIELD(LinearArgs, n),
          RM_FIELD(LinearArgs, ldy), RM_FIELD(LinearArgs, ldr))
