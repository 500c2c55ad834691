// Persistent blocks of a linear layer on wgmma: one warpgroup fills a ring of stages with tiles of the operands, two multiply
// what it holds (the warp-specialised scheme of CUTLASS's Hopper kernels, Thakkar et al.). Who fills it, and how, is the
// kernel's: linear_hopper.cu copies, linear_hopper_low_bit.cu also turns codes into values.
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
// - fence.proxy.async is needed after ordinary writes to shared memory that a copy or a product reads. Stages that copies alone
//   write need none, and the staging of results is read by ordinary loads alone, ordered by __syncwarp. A store of y by bulk
//   copies would need one.
// - wgmma.fence before the products of each step orders the registers' earlier accesses: the zeros, and the reads of the tile
//   before. Products of one shape on the same accumulators are ordered among themselves.
// - commit, then wait<1>: the group before the newest is complete, so the stage before this one is free. The accumulators stay
//   in flight until wait<0>; wgmma_pin keeps the compiler from moving reads of them above it.
#ifndef RM_HOPPER_RING
#define RM_HOPPER_RING

#include "common/bulk_copy.cuh"
#include "common/hopper_tile.cuh"
#include "common/tile_order.cuh"
#include "common/wgmma.cuh"

#if defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

namespace hopper_linear {

constexpr int kSlice = 16, kStages = 4;
constexpr int kBoxN = 128;   // rows of b in one copy
constexpr int kPanelN = 64;  // columns of b in one copy where n is contiguous: as wide as the swizzle
constexpr int kRowBytes = 128, kCellBytes = 8 * kRowBytes;
constexpr int kTileA = kTileM * kTileK, kTileB = kTileN * kTileK, kStage = kTileA + kTileB;
constexpr uint32 kTileABytes = kTileA * 2, kStageBytes = kStage * 2;
constexpr int kRingBytes = kStages * kStage * 2;
/// Bytes of shared memory: the ring, staged sums, mbarriers.
constexpr int kSharedBytes = kRingBytes + kConsumerWarps * kStaged * 4 + 2 * kStages * 8;

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

/// Row of b at which half 0 or 1 of the tile's columns begins: the second are the next rows, or those of up that belong to the
/// gates of the first.
template <Layer kLayer>
RM_DEVICE int first_row(const HopperLinearArgs& args, int tile_n, int half) {
    return kLayer == Layer::kSwiGlu ? tile_n * kBoxN + half * (args.n / 2) : tile_n * kTileN + half * kBoxN;
}

/// Asks for the copies of b's tile at `k`. One thread.
template <Layer kLayer>
RM_DEVICE void copy_b(const HopperLinearArgs& args, SharedPtr<bfloat16> tile_b, const TensorMap& map, SharedPtr<uint64> full,
                      int tile_n, int k) {
    if constexpr (kLayer == Layer::kBackward) {
#pragma unroll
        for (int panel = 0; panel < kTileN / kPanelN; panel++) {
            bulk_load_2d(tile_b + panel * kPanelN * kTileK, map, full, tile_n * kTileN + panel * kPanelN, k);
        }
    } else {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            bulk_load_2d(tile_b + half * kBoxN * kTileK, map, full, k, first_row<kLayer>(args, tile_n, half));
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

/// A block of kThreads. `produce(work)`, called by the threads of the first warpgroup, fills every stage of every tile, with
/// `arrivals` arrivals at its mbarrier; the two other warpgroups multiply and store.
template <Layer kLayer, int kProducerRegisters, typename Produce>
RM_DEVICE void run_block(const HopperLinearArgs& args, SharedPtr<uint8> memory, uint32 arrivals, Produce produce) {
    // What the producers leave of the registers with which the block is launched, in eights a thread: 65,536 / 384, in eights, is
    // 168. One more, and a warpgroup would wait for registers that nobody gives.
    constexpr int kLaunchRegisters = 65536 / kThreads / 8 * 8;
    constexpr int kConsumerRegisters = (3 * kLaunchRegisters - kProducerRegisters) / 2 / 8 * 8;
    const Work work = describe_work<kLayer>(args, memory);
    if (threadIdx.x == 0) {
        for (int stage = 0; stage < kStages; stage++) {
            mbarrier_init(work.full + stage, arrivals);
            mbarrier_init(work.empty + stage, kConsumerWarps);
        }
        fence_mbarrier_init();
    }
    __syncthreads();
    const int warpgroup = static_cast<int>(threadIdx.x) / kWarpgroupSize;
    if (warpgroup == 0) {
        give_registers<kProducerRegisters>();
        produce(work);
    } else {
        take_registers<kConsumerRegisters>();
        consume<kLayer>(args, work, warpgroup - 1);
    }
}

}  // namespace hopper_linear

#endif
#endif
