// Linear layers on wgmma and TMA, for sm_90a alone: persistent blocks in which one warpgroup copies and two multiply (the
// warp-specialised scheme of CUTLASS's Hopper kernels, Thakkar et al.). The design is docs/adr/0003-hopper-products.md.
//
//   forward:   y[m,n] = sum_k a[m,k] b[n,k] + sum_r a2[m,r] b2[n,r] + bias[n] + residual[m,n]
//              (y = x W^T, LoRA: a2 = S, b2 = B)
//   backward:  y[m,n] = sum_k a[m,k] b[k,n] + sum_r a2[m,r] b2[r,n] + residual[m,n]
//              (dX = dY W, LoRA: a2 = dS, b2 = A)
//   swiglu:    y = forward without residual, 2F columns, gate before up; and product[m,f] = gate * sigmoid(gate) * up of the
//              rounded y[m,f] and y[m,F+f], as swiglu_forward_bf16 computes it from memory
//
// The second pair is the "virtual K extension" of linear.cu: further stages of the same ring, from a second pair of tensor maps.
// Only as many slices of 16 ranks are multiplied as there are: up to rank 16 that is a quarter of a stage.
//
// Shapes: a [M, K], b [N, K] (forward) or [K, N] (backward), residual and y [M, N], product [M, F], bfloat16; bias [N] float32.
// y = and product =. Float32 sums in order of k, 16 at a time; deterministic, and a row of y depends on no other row of a: a tile
// belongs to one block, and which block that is, is all that the size of the GPU decides.
//
// Launch: grid min(tiles, multiprocessors) with tiles = ceil(M / 128) * ceil(N / 256) (swiglu: ceil(F / 128)), block 384, 229,440
// bytes of dynamic shared memory. Tensor maps: a, a2 with boxes [128, 64]; b, b2 with boxes [128, 64] (forward) or [64, 64]
// (backward); bfloat16, 128-byte swizzle, zeros outside. k >= 1; residual may be y. Never run on a GPU yet.
//
// Why it is ordered. PTX ISA: "Memory Consistency Model", "mbarrier", "Async Proxy", "wgmma.fence". The emulator checks the
// waits, the phases and the fences of registers, not the proxies.
// - Operands in global memory were written by earlier kernels: the end of a grid orders them before this one's copies.
// - mbarrier.init is a generic write. fence.mbarrier_init and __syncthreads make it visible to all threads' arrivals and to the
//   copies' complete_tx before anybody uses the objects.
// - full: arrive.expect_tx comes before the copies that it counts, so no phase completes between two of them: the one arrival
//   and all bytes are announced in one operation. A copy's complete_tx makes its bytes visible to whoever observes the phase's
//   completion (try_wait acquires). wgmma reads them in the asynchronous proxy, in which they were written: no proxy fence.
// - empty: a wgmma's completion, observed by wait_group, is followed by an implicit proxy fence, so its reads of a stage are
//   over when the warp arrives (release). Each of the eight warps arrives for itself, because wait_group speaks for the warp that
//   executes it. The producer's wait acquires that, and the next copy into the stage follows in program order.
// - fence.proxy.async is needed after ordinary writes to shared memory that a copy or a product reads. There are none: stages
//   are written by copies alone, and the staging of results is read by ordinary loads alone, ordered by __syncwarp. A store of
//   y by bulk copies would need one.
// - wgmma.fence before the products of each step orders the registers' earlier accesses: the zeros, and the reads of the tile
//   before. Products of one shape on the same accumulators are ordered among themselves.
// - commit, then wait<1>: the group before the newest is complete, so the stage before this one is free. The accumulators stay
//   in flight until wait<0>; wgmma_pin keeps the compiler from moving reads of them above it.
#include "common/bulk_copy.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"
#include "common/tile_order.cuh"
#include "common/warpgroup.cuh"
#include "common/wgmma.cuh"

// Other architectures have no such kernels, rather than kernels that do nothing.
#if defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

struct HopperLinearArgs {
    GlobalPtr<const float> bias;
    GlobalPtr<const bfloat16> residual;
    GlobalPtr<bfloat16> y;
    GlobalPtr<bfloat16> product;
    int32 m;
    int32 n;
    int32 k;
    int32 extension_k;  // 0 without an extension
    int32 ldy;
    int32 ldr;
    int32 ldp;
    int32 packets;  // 1: rows of y, residual and product start at multiples of 16 bytes
};

namespace {

constexpr int kTileM = 128, kTileN = 256, kTileK = 64, kSlice = 16;
constexpr int kStages = 4, kThreads = 3 * kWarpgroupSize, kConsumerWarps = 8;
constexpr int kBoxN = 128;   // rows of b in one copy
constexpr int kPanelN = 64;  // columns of b in one copy where n is contiguous: as wide as the swizzle
constexpr int kRowBytes = 128, kCellBytes = 8 * kRowBytes;
constexpr int kTileA = kTileM * kTileK, kTileB = kTileN * kTileK, kStage = kTileA + kTileB;
constexpr uint32 kStageBytes = kStage * 2;
constexpr int kRingBytes = kStages * kStage * 2;
constexpr int kStagedRows = 16, kStagedColumns = 64, kStaged = kStagedRows * kStagedColumns;
// 40 * 128 + 232 * 256 = 64,512 of 65,536 registers.
constexpr int kProducerRegisters = 40, kConsumerRegisters = 232;

enum class Layer { kForward, kSwiGlu, kBackward };

/// The stage that is next in the ring, and the parity of the phase in which it is filled.
struct RingPosition {
    int stage = 0;
    uint32 parity = 0;

    RM_DEVICE void advance() {
        if (++stage < kStages) return;
        stage = 0;
        parity ^= 1;
    }
};

/// Place of eight columns of a row of staged sums: swizzled, so that the rows of one store lie in different banks.
RM_DEVICE int staged_at(int row, int group) {
    return row * kStagedColumns + (group ^ (row % 8)) * 8;
}

/// What every thread of a block knows of the work.
struct Work {
    SharedPtr<bfloat16> ring;
    SharedPtr<float> staging;
    SharedPtr<uint64> full, empty;
    int main_steps, steps, tiles_m, tiles_n;
};

template <Layer kLayer>
RM_DEVICE Work describe_work(const HopperLinearArgs& args, SharedPtr<uint8> memory) {
    constexpr int kColumns = kLayer == Layer::kSwiGlu ? kTileN / 2 : kTileN;
    const int columns = kLayer == Layer::kSwiGlu ? args.n / 2 : args.n;
    Work work;
    work.ring = shared_cast<bfloat16>(memory);
    work.staging = shared_cast<float>(memory + kRingBytes);
    work.full = shared_cast<uint64>(memory + kRingBytes + kConsumerWarps * kStaged * 4);
    work.empty = work.full + kStages;
    work.main_steps = static_cast<int>(ceil_div(args.k, kTileK));
    work.steps = work.main_steps + static_cast<int>(ceil_div(args.extension_k, kTileK));
    work.tiles_m = static_cast<int>(ceil_div(args.m, kTileM));
    work.tiles_n = static_cast<int>(ceil_div(columns, kColumns));
    return work;
}

/// Fills the ring with all steps of all tiles of this block. One thread.
template <Layer kLayer>
RM_DEVICE void produce(const HopperLinearArgs& args, const Work& work, const TensorMap& a, const TensorMap& b,
                       const TensorMap& a2, const TensorMap& b2) {
    RingPosition position;
    const int tiles = work.tiles_m * work.tiles_n;
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
        int tile_m, tile_n;
        place_of_tile(tile, work.tiles_m, work.tiles_n, tile_m, tile_n);
        for (int step = 0; step < work.steps; step++) {
            const bool in_main = step < work.main_steps;
            const int k = (in_main ? step : step - work.main_steps) * kTileK;
            const TensorMap& map_a = in_main ? a : a2;
            const TensorMap& map_b = in_main ? b : b2;
            const SharedPtr<bfloat16> tile_a = work.ring + position.stage * kStage, tile_b = tile_a + kTileA;
            const SharedPtr<uint64> full = work.full + position.stage;
            // The phase before the first counts as complete: the first round does not wait.
            mbarrier_wait(work.empty + position.stage, position.parity ^ 1);
            mbarrier_arrive_expect(full, kStageBytes);
            bulk_load_2d(tile_a, map_a, full, k, tile_m * kTileM);
            if constexpr (kLayer == Layer::kBackward) {
#pragma unroll
                for (int panel = 0; panel < kTileN / kPanelN; panel++) {
                    bulk_load_2d(tile_b + panel * kPanelN * kTileK, map_b, full, tile_n * kTileN + panel * kPanelN, k);
                }
            } else {
                // The tile's second half: the next rows of b, or the rows of up that belong to the gates of the first.
                const int first = kLayer == Layer::kSwiGlu ? tile_n * kBoxN : tile_n * kTileN;
                const int second = first + (kLayer == Layer::kSwiGlu ? args.n / 2 : kBoxN);
                bulk_load_2d(tile_b, map_b, full, k, first);
                bulk_load_2d(tile_b + kBoxN * kTileK, map_b, full, k, second);
            }
            position.advance();
        }
    }
}

/// sums += the products of one slice of 16 of k, for the warpgroup's 64 rows of the tile.
template <Layer kLayer>
RM_DEVICE void multiply_slice(Fragment<float, kTileN / 2>& sums, SharedPtr<bfloat16> rows_a, SharedPtr<bfloat16> tile_b,
                              int slice) {
    // k is contiguous: 16 of it are 32 bytes further in rows of 128; rows repeat every 8, that is every kCellBytes.
    const uint64 a = operand_descriptor(rows_a + slice * kSlice, 16, kCellBytes, OperandSwizzle::k128);
    if constexpr (kLayer == Layer::kBackward) {
        // n is contiguous: panels of 64 columns, in which 16 of k are 16 rows of 128 bytes.
        const uint64 b =
            operand_descriptor(tile_b + slice * kSlice * kPanelN, kTileK * kRowBytes, kCellBytes, OperandSwizzle::k128);
        multiply_warpgroup<kTileN, OperandMajor::kDepth, OperandMajor::kRows>(sums, a, b, true);
    } else {
        const uint64 b = operand_descriptor(tile_b + slice * kSlice, 16, kCellBytes, OperandSwizzle::k128);
        multiply_warpgroup<kTileN>(sums, a, b, true);
    }
}

/// y[row, column to column + 7] = sums + bias + residual, rounded once. What lies outside y is left out.
RM_DEVICE void store_columns(const HopperLinearArgs& args, int64 row, int column, float (&sums)[8]) {
    const int count = minimum(8, args.n - column);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (args.bias != nullptr && i < count) sums[i] += args.bias[column + i];
    }
    const GlobalPtr<bfloat16> y = args.y + row * args.ldy + column;
    const GlobalPtr<const bfloat16> residual = args.residual + row * args.ldr + column;
    if (args.packets != 0 && count == 8) {
        if (args.residual != nullptr) {
            float added[8];
            unpack(load_packet(residual), added);
#pragma unroll
            for (int i = 0; i < 8; i++) sums[i] += added[i];
        }
        Packet<bfloat16> packet;
        pack(sums, packet);
        store_packet(y, packet);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i >= count) continue;
            if (args.residual != nullptr) sums[i] += to_float(residual[i]);
            y[i] = to_bfloat16(sums[i]);
        }
    }
}

/// Rounds and stores gate and up of features feature to feature + 7, and the product of what was rounded.
RM_DEVICE void store_features(const HopperLinearArgs& args, int64 row, int feature, float (&gate)[8], float (&up)[8]) {
    const int features = args.n / 2, count = minimum(8, features - feature);
    const GlobalPtr<bfloat16> gates = args.y + row * args.ldy + feature, ups = gates + features;
    const GlobalPtr<bfloat16> product = args.product + row * args.ldp + feature;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (args.bias != nullptr && i < count) {
            gate[i] += args.bias[feature + i];
            up[i] += args.bias[features + feature + i];
        }
        gate[i] = to_float(to_bfloat16(gate[i]));
        up[i] = to_float(to_bfloat16(up[i]));
    }
    if (args.packets != 0 && count == 8) {
        Packet<bfloat16> packet;
        pack(gate, packet);
        store_packet(gates, packet);
        pack(up, packet);
        store_packet(ups, packet);
#pragma unroll
        for (int i = 0; i < 8; i++) gate[i] = swiglu(gate[i], up[i]);
        pack(gate, packet);
        store_packet(product, packet);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i >= count) continue;
            gates[i] = to_bfloat16(gate[i]);
            ups[i] = to_bfloat16(up[i]);
            product[i] = to_bfloat16(swiglu(gate[i], up[i]));
        }
    }
}

/// Eight neighbouring sums of the warp's staged 16 x 64.
RM_DEVICE void load_staged(SharedPtr<float> staging, int row, int group, float (&values)[8]) {
    const SharedPtr<float> from = staging + staged_at(row, group);
    float half[4];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
        unpack(load_packet(from + i), half);
#pragma unroll
        for (int j = 0; j < 4; j++) values[i + j] = half[j];
    }
}

/// Stores the warp's 16 rows of the tile. A thread's accumulators are pairs that lie 8 columns apart: through shared memory, 64
/// columns at a time, they become rows of 128 bytes.
template <Layer kLayer>
RM_DEVICE void store_tile(const HopperLinearArgs& args, Fragment<float, kTileN / 2>& sums, SharedPtr<float> staging,
                          int first_row, int tile_n) {
    constexpr bool kSwiGlu = kLayer == Layer::kSwiGlu;
    constexpr int kElements = 2 * kStagedColumns / 4, kGroups = kStagedColumns / 8;  // a thread's of a chunk; eights of columns
    constexpr int kOutputs = kSwiGlu ? kGroups / 2 : kGroups;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
#pragma unroll
    for (int chunk = 0; chunk < kTileN / kStagedColumns; chunk++) {
#pragma unroll
        for (int i = 0; i < kElements; i += 2) {
            // 32 gates beside their 32 ups: feature f of the tile is column f and column f + 128.
            const int element =
                kSwiGlu ? chunk * kElements / 2 + i % (kElements / 2) + i / (kElements / 2) * kTileN / 4 : chunk * kElements + i;
            const int row = lane / 4 + 8 * (i / 2 % 2);
            store_pair(staging + staged_at(row, i / 4) + lane % 4 * 2, sums[element], sums[element + 1]);
        }
        __syncwarp();
#pragma unroll 1
        for (int item = lane; item < kStagedRows * kOutputs; item += kWarpSize) {
            const int row = item / kOutputs, group = item % kOutputs;
            const int column = (tile_n * (kTileN / kStagedColumns) + chunk) * kOutputs * 8 + group * 8;
            if (first_row + row >= args.m || column >= (kSwiGlu ? args.n / 2 : args.n)) continue;
            float values[8];
            load_staged(staging, row, group, values);
            if constexpr (kSwiGlu) {
                float ups[8];
                load_staged(staging, row, kOutputs + group, ups);
                store_features(args, first_row + row, column, values, ups);
            } else {
                store_columns(args, first_row + row, column, values);
            }
        }
        __syncwarp();
    }
}

/// Multiplies what the ring holds and stores the tiles. One warpgroup, `half` 0 or 1 of the tile's rows.
template <Layer kLayer>
RM_DEVICE void consume(const HopperLinearArgs& args, const Work& work, int half) {
    constexpr int kRows = kTileM / 2, kSlices = kTileK / kSlice;
    const int full_steps = args.k / kTileK, tiles = work.tiles_m * work.tiles_n;
    RingPosition position;
    auto wait_for_stage = [&]() { mbarrier_wait(work.full + position.stage, position.parity); };
    auto release = [&](int stage) {
        __syncwarp();
        if (threadIdx.x % kWarpSize == 0) mbarrier_arrive(work.empty + stage);
    };
    auto multiply = [&](Fragment<float, kTileN / 2>& sums, int slice) {
        const SharedPtr<bfloat16> tile_a = work.ring + position.stage * kStage;
        multiply_slice<kLayer>(sums, tile_a + half * kRows * kTileK, tile_a + kTileA, slice);
    };
    for (int tile = static_cast<int>(blockIdx.x); tile < tiles; tile += static_cast<int>(gridDim.x)) {
        Fragment<float, kTileN / 2> sums;
#pragma unroll
        for (int i = 0; i < kTileN / 2; i++) sums[i] = 0.0f;
        int previous = -1;
        for (int step = 0; step < full_steps; step++) {
            wait_for_stage();
            wgmma_fence();
#pragma unroll
            for (int slice = 0; slice < kSlices; slice++) multiply(sums, slice);
            wgmma_commit();
            wgmma_wait<1>();
            if (previous >= 0) release(previous);
            previous = position.stage;
            position.advance();
        }
        wgmma_wait<0>();
        wgmma_pin(sums);
        if (previous >= 0) release(previous);
        // The end of k and the extension: as many slices as there are, the last filled up with zeros.
        for (int step = full_steps; step < work.steps; step++) {
            const int k = step < work.main_steps ? args.k - step * kTileK : args.extension_k - (step - work.main_steps) * kTileK;
            wait_for_stage();
            for (int slice = 0; slice < kSlices && slice * kSlice < k; slice++) {
                wgmma_fence();
                multiply(sums, slice);
                wgmma_commit();
                wgmma_wait<0>();
                wgmma_pin(sums);
            }
            release(position.stage);
            position.advance();
        }
        int tile_m, tile_n;
        place_of_tile(tile, work.tiles_m, work.tiles_n, tile_m, tile_n);
        const int warp = static_cast<int>(threadIdx.x) % kWarpgroupSize / kWarpSize;
        store_tile<kLayer>(args, sums, work.staging + (half * 4 + warp) * kStaged,
                           tile_m * kTileM + half * kRows + warp * kStagedRows, tile_n);
    }
}

template <Layer kLayer>
RM_DEVICE void linear_block(const HopperLinearArgs& args, const TensorMap& a, const TensorMap& b, const TensorMap& a2,
                            const TensorMap& b2) {
    RM_DYNAMIC_SHARED(memory);
    const Work work = describe_work<kLayer>(args, memory);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; stage++) {
            mbarrier_init(work.full + stage, 1);
            mbarrier_init(work.empty + stage, kConsumerWarps);
        }
        fence_mbarrier_init();
    }
    __syncthreads();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupSize;
    if (warpgroup == 0) {
        give_registers<kProducerRegisters>();
        if (threadIdx.x == 0) produce<kLayer>(args, work, a, b, a2, b2);
    } else {
        take_registers<kConsumerRegisters>();
        consume<kLayer>(args, work, warpgroup - 1);
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                              const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                              const __grid_constant__ HopperLinearArgs args) {
    linear_block<Layer::kForward>(args, a, b, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_forward_bf16_wgmma_swiglu(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                                     const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                                     const __grid_constant__ HopperLinearArgs args) {
    linear_block<Layer::kSwiGlu>(args, a, b, a2, b2);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1)
    linear_backward_bf16_wgmma(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                               const __grid_constant__ TensorMap a2, const __grid_constant__ TensorMap b2,
                               const __grid_constant__ HopperLinearArgs args) {
    linear_block<Layer::kBackward>(args, a, b, a2, b2);
}

RM_KERNEL(linear_forward_bf16_wgmma, kThreads)
RM_KERNEL(linear_forward_bf16_wgmma_swiglu, kThreads)
RM_KERNEL(linear_backward_bf16_wgmma, kThreads)

RM_LAYOUT(HopperLinearArgs, RM_FIELD(HopperLinearArgs, bias), RM_FIELD(HopperLinearArgs, residual), RM_FIELD(HopperLinearArgs, y),
          RM_FIELD(HopperLinearArgs, product), RM_FIELD(HopperLinearArgs, m), RM_FIELD(HopperLinearArgs, n),
          RM_FIELD(HopperLinearArgs, k), RM_FIELD(HopperLinearArgs, extension_k), RM_FIELD(HopperLinearArgs, ldy),
          RM_FIELD(HopperLinearArgs, ldr), RM_FIELD(HopperLinearArgs, ldp), RM_FIELD(HopperLinearArgs, packets))

#endif
