// LoRA's share of the input gradient where it cannot go through the K extension of linear.cu: with dropout, whose mask differs by
// part, and in float32.
//
//   dx[t,c] += factor * sum over parts p of mask_p[t,c] * sum over ranks r of p of ds[t,r] a[r,c]          (mask 1 without
//   dropout)
//
// Shapes: ds [T, R], dx [T, C] of the storage type (the kernel's suffix) with row strides, a [R, C] float32, adjacent rows. Up to
// four parts: those of ranks [rank_row, rank_row + rank), each with the stream of its mask. Sums in float32 in order of parts and
// ranks, dx is rounded once; deterministic, every row by itself.
//
// Launch: grid (ceil(C / 512), ceil(T / 8)), block 128: a thread has four columns, those of one draw, of eight tokens.
// Not yet timed on a GPU.
#include "common/dropout.cuh"
#include "common/launch.cuh"

struct LoraInputPart {
    int32 rank_row;
    int32 rank;
    uint32 stream;
    int32 reserved;  // 0
};

template <typename T>
struct LoraInputGradientOf {
    GlobalPtr<const T> ds;
    GlobalPtr<const float> a;
    GlobalPtr<T> dx;
    DropoutArgs dropout;  // stream: that of the part
    LoraInputPart first;
    LoraInputPart second;
    LoraInputPart third;
    LoraInputPart fourth;
    float factor;
    int32 rows;
    int32 columns;
    int32 ldds;
    int32 lddx;
};
using LoraInputGradientArgs = LoraInputGradientOf<bfloat16>;

namespace {

constexpr int kThreads = 128, kTokens = 8, kColumns = 4;

struct Place {
    int row;
    int column;
    int columns;  // of the thread's four, those that exist
};

template <typename T>
RM_DEVICE void add_part(const LoraInputGradientOf<T>& args, const LoraInputPart& part, const Place& place,
                        float (&total)[kTokens][kColumns]) {
    if (part.rank == 0) return;
    float sums[kTokens][kColumns];
#pragma unroll
    for (int i = 0; i < kTokens; i++) {
#pragma unroll
        for (int j = 0; j < kColumns; j++) sums[i][j] = 0.0f;
    }
    for (int r = part.rank_row; r < part.rank_row + part.rank; r++) {
        const GlobalPtr<const float> a = args.a + static_cast<int64>(r) * args.columns + place.column;
        float factors[kColumns];
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
            factors[j] = 0.0f;
            if (j < place.columns) factors[j] = a[j];
        }
#pragma unroll
        for (int i = 0; i < kTokens; i++) {
            if (place.row + i >= args.rows) continue;
            const float d = to_float(args.ds[static_cast<int64>(place.row + i) * args.ldds + r]);
#pragma unroll
            for (int j = 0; j < kColumns; j++) sums[i][j] += d * factors[j];
        }
    }

#pragma unroll
    for (int i = 0; i < kTokens; i++) {
        uint32 words[4] = {0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu, 0xFFFFFFFFu};
        if (args.dropout.keys != nullptr && place.row + i < args.rows) {
            draw_words(args.dropout.seed, part.stream, args.dropout.keys[place.row + i], static_cast<uint32>(place.column) / 4,
                       words);
        }
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
            if (words[j] >= args.dropout.threshold) total[i][j] += sums[i][j];
        }
    }
}

template <typename T>
RM_DEVICE void add_gradient(const LoraInputGradientOf<T>& args) {
    Place place;
    place.column = static_cast<int>(blockIdx.x * kThreads + threadIdx.x) * kColumns;
    place.row = static_cast<int>(blockIdx.y) * kTokens;
    place.columns = minimum(kColumns, args.columns - place.column);
    if (place.columns <= 0) return;
    float total[kTokens][kColumns];
#pragma unroll
    for (int i = 0; i < kTokens; i++) {
#pragma unroll
        for (int j = 0; j < kColumns; j++) total[i][j] = 0.0f;
    }
    add_part(args, args.first, place, total);
    add_part(args, args.second, place, total);
    add_part(args, args.third, place, total);
    add_part(args, args.fourth, place, total);
#pragma unroll
    for (int i = 0; i < kTokens; i++) {
#pragma unroll
        for (int j = 0; j < kColumns; j++) {
            if (place.row + i >= args.rows || j >= place.columns) continue;
            const int64 at = static_cast<int64>(place.row + i) * args.lddx + place.column + j;
            args.dx[at] = from_float<T>(to_float(args.dx[at]) + args.factor * total[i][j]);
        }
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) lora_input_gradient_backward_bf16(LoraInputGradientOf<bfloat16> args) {
    add_gradient(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) lora_input_gradient_backward_f32(LoraInputGradientOf<float> args) {
    add_gradient(args);
}

RM_KERNEL(lora_input_gradient_backward_bf16, kThreads)
RM_KERNEL(lora_input_gradient_backward_f32, kThreads)

RM_LAYOUT(LoraInputPart, RM_FIELD(LoraInputPart, rank_row), RM_FIELD(LoraInputPart, rank), RM_FIELD(LoraInputPart, stream),
          RM_FIELD(LoraInputPart, reserved))
RM_LAYOUT(LoraInputGradientArgs, RM_FIELD(LoraInputGradientArgs, ds), RM_FIELD(LoraInputGradientArgs, a),
          RM_FIELD(LoraInputGradientArgs, dx), RM_FIELD(LoraInputGradientArgs, dropout), RM_FIELD(LoraInputGradientArgs, first),
          RM_FIELD(LoraInputGradientArgs, second), RM_FIELD(LoraInputGradientArgs, third),
          RM_FIELD(LoraInputGradientArgs, fourth), RM_FIELD(LoraInputGradientArgs, factor), RM_FIELD(LoraInputGradientArgs, rows),
          RM_FIELD(LoraInputGradientArgs, columns), RM_FIELD(LoraInputGradientArgs, ldds), RM_FIELD(LoraInputGradientArgs, lddx))
