// Linear layers whose frozen weight lies in memory in few bits (common/low_bit.cuh): the products of linear.cu, bit for bit those
// with the weight's values in bfloat16. Codes are read into registers while the step before is multiplied, and written to its
// stage as values after it. Each tile of y turns the codes of its columns into values anew: M / 128 times all in all.
//
// linear.main.b is null; linear.n is weight.rows, linear.main.k weight.columns (forward), or the other way round (backward).
//
// Launch: as linear.cu. weight.codes: 16-byte aligned (nf4: 8); columns a multiple of 16.
#include "common/linear_tile.cuh"
#include "common/low_bit.cuh"

struct LowBitLinearArgs {
    LinearArgs linear;
    LowBitWeight weight;
};

namespace {

using low_bit::Code;
using tile_product::kThreads;

template <Code kCode, bool kBTransposed>
RM_DEVICE void multiply(const LowBitLinearArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(float, tables, low_bit::kCodeValues + low_bit::kScaleValues);
    low_bit::copy_tables<kCode>(args.weight, tables, kThreads);
    __syncthreads();  // the tables are there
    linear_tile::multiply<kBTransposed>(args.linear, shared_cast<bfloat16>(memory),
                                        low_bit::RightOperand<kCode, kBTransposed>{args.weight, tables});
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16_nf4(LowBitLinearArgs args) {
    multiply<Code::kNf4, false>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16_int8(LowBitLinearArgs args) {
    multiply<Code::kInt8, false>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16_fp8(LowBitLinearArgs args) {
    multiply<Code::kFp8, false>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16_nf4(LowBitLinearArgs args) {
    multiply<Code::kNf4, true>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16_int8(LowBitLinearArgs args) {
    multiply<Code::kInt8, true>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16_fp8(LowBitLinearArgs args) {
    multiply<Code::kFp8, true>(args);
}

RM_KERNEL(linear_forward_bf16_nf4, kThreads)
RM_KERNEL(linear_forward_bf16_int8, kThreads)
RM_KERNEL(linear_forward_bf16_fp8, kThreads)
RM_KERNEL(linear_backward_bf16_nf4, kThreads)
RM_KERNEL(linear_backward_bf16_int8, kThreads)
RM_KERNEL(linear_backward_bf16_fp8, kThreads)

RM_LAYOUT(LowBitWeight, RM_FIELD(LowBitWeight, codes), RM_FIELD(LowBitWeight, scales), RM_FIELD(LowBitWeight, scale_codes),
          RM_FIELD(LowBitWeight, row_scales), RM_FIELD(LowBitWeight, tables), RM_FIELD(LowBitWeight, rows),
          RM_FIELD(LowBitWeight, columns), RM_FIELD(LowBitWeight, block_shift), RM_FIELD(LowBitWeight, scale_stride),
          RM_FIELD(LowBitWeight, groups), RM_FIELD(LowBitWeight, group_shift))
RM_LAYOUT(LowBitLinearArgs, RM_FIELD(LowBitLinearArgs, linear), RM_FIELD(LowBitLinearArgs, weight))
