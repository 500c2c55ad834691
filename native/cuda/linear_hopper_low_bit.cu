// Linear layers on wgmma whose frozen weight lies in memory in few bits (common/low_bit.cuh): the products of linear_hopper.cu,
// bit for bit those with the weight's values in bfloat16. a, and both operands of the extension, come by bulk copies; b's tile is
// written by the 128 threads of the first warpgroup, in the 128-byte swizzle that a copy would give it. A thread has eight runs
// of 16 codes of each step of 64 of k, and asks for four of them while it turns the four before into values. Each tile of y turns
// the codes of its columns into values anew: M / 128 times all in all.
//
// Launch: as linear_hopper.cu, with maps of a, a2, b2, and 230,528 bytes of dynamic shared memory. n and k are weight.rows and
// weight.columns (forward) or the other way round (backward). weight.codes: 16-byte aligned (nf4: 8); columns a multiple of 16.
// Never run on a GPU yet.
//
// Why it is ordered, beyond common/hopper_ring.cuh:
// - full counts five arrivals: that of the thread that copies, with the bytes of its copies, and one of each producing warp. No
// phase
//   completes without the first, so its bytes are announced before the phase can end.
// - The values are generic writes, and wgmma reads them through the asynchronous proxy: each thread that wrote executes
//   fence.proxy.async, then the warp meets (__syncwarp orders its lanes' writes), then one lane arrives (release); the consumers'
//   wait acquires it, and their products follow.
// - empty: the products that read the stage before are complete and their proxy's fence implied when a consumer arrives, and
// every
//   thread that writes waits for the phase itself: generic writes come after the reads. A copy of b2 into a stage that was
//   written generically follows those writes' fence and the phases in between.
#include "common/hopper_ring.cuh"
#include "common/low_bit.cuh"

// Other architectures have no such kernels, rather than kernels that do nothing.
#if defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

namespace {

using namespace hopper_linear;
using low_bit::Code;

constexpr int kArrivals = 1 + kWarpgroupSize / kWarpSize;
constexpr int kRuns = kTileB / low_bit::kRun / kWarpgroupSize;  // a thread's of a step
/// What the first warpgroup keeps, found by trying: without spills on either side.
template <Code kCode, Layer kLayer>
constexpr int kProducerRegisters = kLayer == Layer::kSwiGlu                            ? (kCode == Code::kNf4 ? 40 : 80)
                                   : kLayer == Layer::kBackward || kCode == Code::kNf4 ? 88
                                                                                       : 96;

/// Runs that are asked for while as many are turned into values: as many as leave no spills.
template <Code kCode, Layer kLayer>
constexpr int kBatch = low_bit::kWords<kCode> == 2 && kLayer != Layer::kSwiGlu ? 4 : 2;

/// Where a thread's runs are: in the weight, and in b's tile of a stage.
template <Layer kLayer>
struct RunPlaces {
    static constexpr bool kAlongN = kLayer == Layer::kBackward;  // a run lies along n, else along k
    static constexpr int kRowsApart = kAlongN ? 8 : 32;

    int row, column, target;

    RM_DEVICE RunPlaces() {
        constexpr int kRunsOfRow = kTileK / low_bit::kRun;
        const int thread = static_cast<int>(threadIdx.x), run = thread % kRunsOfRow;
        if constexpr (kAlongN) {
            // Rows of k, in panels of 64 columns: two rows of all panels a warp, so that the chunks that eight lanes write lie in
            // different banks.
            const int panel = thread % kWarpSize / 8;
            row = thread / kWarpSize * 2 + thread / kRunsOfRow % 2;
            column = panel * kPanelN + run * low_bit::kRun;
            target = panel * kPanelN * kTileK + chunk_at<kPanelN>(row, run * 2);
        } else {
            row = thread / kRunsOfRow;
            column = run * low_bit::kRun;
            target = chunk_at<kTileK>(row, run * 2);
        }
    }

    template <Code kCode>
    RM_DEVICE void load(low_bit::Codes<kCode>& codes, const HopperLinearArgs& args, const LowBitWeight& weight,
                        SharedPtr<const float> tables, int tile_n, int k, int i) const {
        if constexpr (kAlongN) {
            codes.load_or_clear(weight, tables, k + row + i * kRowsApart, tile_n * kTileN + column);
        } else {
            constexpr int kRunsOfHalf = kRuns / 2;
            const int half = i / kRunsOfHalf;
            codes.load_or_clear(weight, tables, first_row<kLayer>(args, tile_n, half) + row + i % kRunsOfHalf * kRowsApart,
                                k + column);
        }
    }

    /// Rows apart are a multiple of eight: the swizzle is the same.
    template <Code kCode>
    RM_DEVICE void store(const low_bit::Codes<kCode>& codes, SharedPtr<bfloat16> tile_b, SharedPtr<const float> tables,
                         int i) const {
        codes.store(tile_b + i * kRowsApart * kTileK, target, tables);
    }
};

/// Fills the ring with all steps of all tiles of this block. A warpgroup.
template <Code kCode, Layer kLayer>
RM_DEVICE void produce(const HopperLinearArgs& args, const LowBitWeight& weight, const Work& work, SharedPtr<const float> tables,
                       const TensorMap& a, const TensorMap& a2, const TensorMap& b2) {
    constexpr int kBatches = kRuns / kBatch<kCode, kLayer>;
    static_assert(kBatches % 2 == 0, "the first batch of every step has the same registers");
    const RunPlaces<kLayer> places;
    const int tiles = work.tiles_m * work.tiles_n;
    RingPosition position;
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
        int tile_m, tile_n;
        place_of_tile(tile, work.tiles_m, work.tiles_n, tile_m, tile_n);
        low_bit::Codes<kCode> codes[2][kBatch<kCode, kLayer>];
        auto load = [&](int step, int batch) {
#pragma unroll
            for (int i = 0; i < kBatch<kCode, kLayer>; i++) {
                places.load(codes[batch % 2][i], args, weight, tables, tile_n, step * kTileK, batch * kBatch<kCode, kLayer> + i);
            }
        };
        load(0, 0);
#pragma unroll 1
        for (int step = 0; step < work.steps; step++) {
            const bool in_main = step < work.main_steps;
            const SharedPtr<bfloat16> tile_a = work.ring + position.stage * kStage, tile_b = tile_a + kTileA;
            const SharedPtr<uint64> full = work.full + position.stage;
            // The phase before the first counts as complete: the first round does not wait.
            mbarrier_wait(work.empty + position.stage, position.parity ^ 1);
            if (threadIdx.x == 0) {
                const int k = (in_main ? step : step - work.main_steps) * kTileK;
                mbarrier_arrive_expect(full, in_main ? kTileABytes : kStageBytes);
                bulk_load_2d(tile_a, in_main ? a : a2, full, k, tile_m * kTileM);
                if (!in_main) copy_b<kLayer>(args, tile_b, b2, full, tile_n, k);
            }
            if (in_main) {
#pragma unroll
                for (int batch = 0; batch < kBatches; batch++) {
                    if (batch + 1 < kBatches) {
                        load(step, batch + 1);
                    } else if (step + 1 < work.main_steps) {
                        load(step + 1, 0);
                    }
#pragma unroll
                    for (int i = 0; i < kBatch<kCode, kLayer>; i++) {
                        places.store(codes[batch % 2][i], tile_b, tables, batch * kBatch<kCode, kLayer> + i);
                    }
                }
                fence_async_shared();
            }
            __syncwarp();
            if (threadIdx.x % kWarpSize == 0) mbarrier_arrive(full);
            position.advance();
        }
    }
}

template <Code kCode, Layer kLayer>
RM_DEVICE void multiply(const HopperLinearArgs& args, const LowBitWeight& weight, const TensorMap& a, const TensorMap& a2,
                        const TensorMap& b2) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<float> tables = shared_cast<float>(memory + kSharedBytes);
    low_bit::copy_tables<kCode>(weight, tables, kThreads);  // run_block begins with a barrier
    run_block<kLayer, kProducerRegisters<kCode, kLayer>>(
        args, memory, kArrivals, [&](const Work& work) { produce<kCode, kLayer>(args, weight, work, tables, a, a2, b2); });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_nf4_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                  const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                  const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kNf4, Layer::kForward>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_int8_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                   const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                   const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kInt8, Layer::kForward>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_fp8_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                  const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                  const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kFp8, Layer::kForward>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_nf4_wgmma_swiglu(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                         const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                         const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kNf4, Layer::kSwiGlu>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_int8_wgmma_swiglu(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                          const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                          const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kInt8, Layer::kSwiGlu>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_fp8_wgmma_swiglu(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                         const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                         const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kFp8, Layer::kSwiGlu>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_backward_bf16_nf4_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                   const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                   const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kNf4, Layer::kBackward>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_backward_bf16_int8_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                    const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                    const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kInt8, Layer::kBackward>(args, weight, a, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_backward_bf16_fp8_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap a2,
                                   const __grid_constant__ TensorMap b2, const __grid_constant__ HopperLinearArgs args,
                                   const __grid_constant__ LowBitWeight weight) {
    multiply<Code::kFp8, Layer::kBackward>(args, weight, a, a2, b2);
}

RM_KERNEL(linear_forward_bf16_nf4_wgmma, kThreads)
RM_KERNEL(linear_forward_bf16_int8_wgmma, kThreads)
RM_KERNEL(linear_forward_bf16_fp8_wgmma, kThreads)
RM_KERNEL(linear_forward_bf16_nf4_wgmma_swiglu, kThreads)
RM_KERNEL(linear_forward_bf16_int8_wgmma_swiglu, kThreads)
RM_KERNEL(linear_forward_bf16_fp8_wgmma_swiglu, kThreads)
RM_KERNEL(linear_backward_bf16_nf4_wgmma, kThreads)
RM_KERNEL(linear_backward_bf16_int8_wgmma, kThreads)
RM_KERNEL(linear_backward_bf16_fp8_wgmma, kThreads)

#endif
