// Float32 factors as the tensor cores take them, rounded to bfloat16: one matrix as it is, and beside it LoRA's B factors side by
// side. Where a product needs more of their bits, the low matrix has what rounding left off, rounded itself.
//
//   packed_a[i,c] = a[i,c]                                                        low_a = a - packed_a, low_b = b - packed_b
//   packed_b[n,r] = b_p[n - column_p, r - rank_row_p] for the part p that has column n and rank r, 0 for no part (block-diagonal)
//
// Shapes: a [A_ROWS, A_COLUMNS] float32, adjacent rows; b_p [columns_p, rank_p] float32, adjacent rows, up to four parts (null:
// none); packed_a, low_a [A_ROWS, A_COLUMNS] and packed_b, low_b [B_ROWS, B_COLUMNS] bfloat16 with row strides, what lies between
// rows is not written; low_a and low_b may be null. Outputs =; every element by itself. A trainable weight's working copy is
// written by the same kernel, as a without parts.
//
// Launch: grid ceil((A_ROWS * A_COLUMNS + B_ROWS * B_COLUMNS) / 256), block 256. Not yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/memory.cuh"

struct LoraFactor {
    GlobalPtr<const float> b;
    int32 column;
    int32 columns;
    int32 rank_row;
    int32 rank;
};

struct LoraFactorsArgs {
    GlobalPtr<const float> a;
    GlobalPtr<bfloat16> packed_a;
    GlobalPtr<bfloat16> low_a;
    GlobalPtr<bfloat16> packed_b;
    GlobalPtr<bfloat16> low_b;
    LoraFactor first;
    LoraFactor second;
    LoraFactor third;
    LoraFactor fourth;
    int32 a_rows;
    int32 a_columns;
    int32 b_rows;
    int32 b_columns;
    int32 lda;
    int32 ldb;
};

namespace {

constexpr int kThreads = 256;

// The parts cover different elements, so at most one of them gives a value.
RM_DEVICE float element_of(const LoraFactor& part, int row, int column, float other) {
    const int n = row - part.column, r = column - part.rank_row;
    if (part.b == nullptr || n < 0 || n >= part.columns || r < 0 || r >= part.rank) return other;
    return part.b[static_cast<int64>(n) * part.rank + r];
}

RM_DEVICE void store(GlobalPtr<bfloat16> packed, GlobalPtr<bfloat16> low, int64 at, float value) {
    const bfloat16 rounded = to_bfloat16(value);
    packed[at] = rounded;
    if (low != nullptr) low[at] = to_bfloat16(value - to_float(rounded));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) lora_factors_forward_bf16(LoraFactorsArgs args) {
    const int64 i = static_cast<int64>(blockIdx.x) * kThreads + threadIdx.x;
    const int64 count_a = static_cast<int64>(args.a_rows) * args.a_columns;
    if (i < count_a) {
        const int64 row = i / args.a_columns, column = i % args.a_columns;
        store(args.packed_a, args.low_a, row * args.lda + column, args.a[i]);
        return;
    }

    const int64 j = i - count_a;
    if (j >= static_cast<int64>(args.b_rows) * args.b_columns) return;
    const int row = static_cast<int>(j / args.b_columns), column = static_cast<int>(j % args.b_columns);
    float value = element_of(args.first, row, column, 0.0f);
    value = element_of(args.second, row, column, value);
    value = element_of(args.third, row, column, value);
    value = element_of(args.fourth, row, column, value);
    store(args.packed_b, args.low_b, static_cast<int64>(row) * args.ldb + column, value);
}

RM_KERNEL(lora_factors_forward_bf16, kThreads)

RM_LAYOUT(LoraFactor, RM_FIELD(LoraFactor, b), RM_FIELD(LoraFactor, column), RM_FIELD(LoraFactor, columns),
          RM_FIELD(LoraFactor, rank_row), RM_FIELD(LoraFactor, rank))
RM_LAYOUT(LoraFactorsArgs, RM_FIELD(LoraFactorsArgs, a), RM_FIELD(LoraFactorsArgs, packed_a), RM_FIELD(LoraFactorsArgs, low_a),
          RM_FIELD(LoraFactorsArgs, packed_b), RM_FIELD(LoraFactorsArgs, low_b), RM_FIELD(LoraFactorsArgs, first),
          RM_FIELD(LoraFactorsArgs, second), RM_FIELD(LoraFactorsArgs, third), RM_FIELD(LoraFactorsArgs, fourth),
          RM_FIELD(LoraFactorsArgs, a_rows), RM_FIELD(LoraFactorsArgs, a_columns), RM_FIELD(LoraFactorsArgs, b_rows),
          RM_FIELD(LoraFactorsArgs, b_columns), RM_FIELD(LoraFactorsArgs, lda), RM_FIELD(LoraFactorsArgs, ldb))
