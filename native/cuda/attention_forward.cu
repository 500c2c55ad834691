// Grouped-query attention over the segments of a packed micro-batch, forward: FlashAttention-2 (Dao 2023) with online softmax
// (Milakov and Gimelshein 2018) on mma.sync. A query sees its parent prefix and, causally, its own segment.
//
//   o[t, h] = sum_j p[t, j] v[j, g],   p[t, j] = exp(scale * q[t, h] . k[j, g] - lse[t, h]),   g = h / (H / G), j over the keys
//   of t lse[t, h] = log sum_j exp(scale * q[t, h] . k[j, g])
//
// With window w > 0 a query sees only the last w of these keys; with softcap c > 0 scores become c tanh(scale * q . k / c).
//
// Shapes: q, o [rows, H * D], k, v [T, G * D], float32 or bfloat16 (the kernel's suffix), rows ld* elements apart; lse [rows, H]
// float32. Outputs: o =, lse =. Scores, softmax and sums in float32; p is rounded to the storage type before the product with v.
// Deterministic. Tiles of queries and keys begin at the starts of segments, and a key that a query does not see adds an exact
// zero: the bits of a row depend on its own sequence alone.
//
// Kernels: attention_forward_<type>_d<P> for D up to P. Launch: grid (blocks * H), the head fastest; block 32 * kWarps; dynamic
// shared memory ForwardTiles::kSharedBytes, which the launcher knows as CudaAttentionTiles. A query block has at most kRows
// slots. "packets": D is a multiple of 16 bytes, and every row of q, k, v, o starts at one. Not yet timed on a GPU.
#include "common/attention_tile.cuh"
#include "common/launch.cuh"

template <typename T>
struct AttentionForwardOf {
    GlobalPtr<const T> q;                // [rows, H * D]
    GlobalPtr<const T> k;                // [T, G * D]
    GlobalPtr<const T> v;                // [T, G * D]
    GlobalPtr<T> o;                      // [rows, H * D] =
    GlobalPtr<float> lse;                // [rows, H] =
    GlobalPtr<const int32> blocks;       // [blocks, AttentionQueryBlock::kFields]
    GlobalPtr<const int32> slot_rows;    // [slots], or null: slot = row
    GlobalPtr<const int32> slot_tokens;  // [slots], or null: slot = token
    int32 ldq;
    int32 ldk;
    int32 ldv;
    int32 ldo;
    int32 heads;            // H
    int32 heads_per_group;  // H / G
    int32 head_dim;         // D
    int32 packets;          // 0 or 1
    int32 window;           // 0 for none
    float scale;
    float softcap;  // 0 for none
};
using AttentionForwardArgs = AttentionForwardOf<bfloat16>;

namespace {

// Sixteen rows times kRowTiles a warp, kKeys keys a step in two stages: what fits into registers and 99 KiB of shared memory.
template <typename T, int kDim>
struct ForwardTiles {
    static constexpr int kWarps = kOnTensorCores<T> || kDim <= 128 ? 4 : 2;
    static constexpr int kRowTiles = kOnTensorCores<T> && kDim <= 64 ? 2 : 1;
    static constexpr int kKeys = kOnTensorCores<T> ? (kDim == 128 ? 64 : 32) : (kDim <= 64 ? 32 : 8);
    static constexpr int kThreads = kWarps * kWarpSize;
    static constexpr int kRows = 16 * kRowTiles * kWarps;
    static constexpr int kQueryElements = kRows * kDim;
    static constexpr int kKeyElements = kKeys * kDim;
    static constexpr int kScratch = kOnTensorCores<T> ? 0 : 16 * kKeys;  // floats of a warp
    static constexpr int kSharedBytes = (kQueryElements + 4 * kKeyElements) * static_cast<int>(sizeof(T)) + kWarps * kScratch * 4;
    static_assert(kSharedBytes <= 99 << 10, "what a block can have on sm_86 and sm_89");
};

// The largest score so far, before its scale, and this lane's part of the sum, for each row that the lane has elements of.
template <int kRowTiles>
struct SoftmaxState {
    float maximum[kRowTiles][2];
    float sum[kRowTiles][2];
};

// s = p, o and sum rescaled to the new maximum. Keys after `last_key` do not exist, keys after a row's token or before its
// window, `window_start` after the token, are not seen.
template <typename T, int kRowTiles, int kKeyTiles, int kOutTiles>
RM_DEVICE void softmax_step(Fragment<float, 4> (&s)[kRowTiles][kKeyTiles], Fragment<float, 4> (&o)[kRowTiles][kOutTiles],
                            SoftmaxState<kRowTiles>& state, const AttentionQueries& queries, const AttentionQueryBlock& block,
                            int first_row, int first_key, int last_key, int window_start, bool all_visible, float scale_log2,
                            int lane) {
    const float none = __uint_as_float(0xFF800000u);  // -infinity
    if (!all_visible) {
#pragma unroll
        for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                // A row without a query sees every key of the block: its numbers stay finite, and are not stored.
                const int row = first_row + 16 * m + lane / 4 + 8 * half;
                int last = last_key, first = first_key;
                if (row < block.count) {
                    const int token = queries.token(block.first_slot + row);
                    last = minimum(last, token);
                    first = token + window_start;
                }
#pragma unroll
                for (int n = 0; n < kKeyTiles; n++) {
                    const int key = first_key + 8 * n + 2 * (lane % 4);
                    if (key > last || key < first) s[m][n][2 * half] = none;
                    if (key + 1 > last || key + 1 < first) s[m][n][2 * half + 1] = none;
                }
            }
        }
    }
#pragma unroll
    for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float largest = none;
#pragma unroll
            for (int n = 0; n < kKeyTiles; n++) largest = fmaxf(largest, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
            largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 1));
            largest = fmaxf(largest, __shfl_xor_sync(kFullWarp, largest, 2));

            // The maximum is finite from the first tile on that has a key which the row sees; in a window that may not be tile 0.
            const float before = state.maximum[m][half], largest_yet = fmaxf(before, largest);
            const float now = largest_yet == none ? 0.0f : largest_yet;
            const float rescale = exp2_of<T>((before - now) * scale_log2), now_log2 = now * scale_log2;
            float sum = state.sum[m][half] * rescale;
#pragma unroll
            for (int n = 0; n < kKeyTiles; n++) {
#pragma unroll
                for (int e = 2 * half; e < 2 * half + 2; e++) {
                    // In float32 the largest score's p is exactly one; bfloat16 hides the last bit of one instruction less.
                    const float p =
                        exp2_of<T>(kOnTensorCores<T> ? fmaf(s[m][n][e], scale_log2, -now_log2) : (s[m][n][e] - now) * scale_log2);
                    s[m][n][e] = p;
                    sum += p;
                }
            }
            state.maximum[m][half] = largest_yet;
            state.sum[m][half] = sum;
#pragma unroll
            for (int n = 0; n < kOutTiles; n++) {
                o[m][n][2 * half] *= rescale;
                o[m][n][2 * half + 1] *= rescale;
            }
        }
    }
}

template <typename T, int kDim>
RM_DEVICE void forward_block(const AttentionForwardOf<T>& args) {
    using Tiles = ForwardTiles<T, kDim>;
    constexpr int kRowTiles = Tiles::kRowTiles, kKeys = Tiles::kKeys, kKeyTiles = kKeys / 8, kOutTiles = kDim / 8;
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<T> q_tile = shared_cast<T>(memory), ring = q_tile + Tiles::kQueryElements;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const SharedPtr<float> scratch =
        shared_cast<float>(memory + Tiles::kSharedBytes - (Tiles::kWarps - warp) * Tiles::kScratch * 4);
    const int head = static_cast<int>(blockIdx.x) % args.heads;
    const int64 key_column = static_cast<int64>(head / args.heads_per_group) * args.head_dim;
    AttentionQueryBlock block = AttentionQueryBlock::read(args.blocks, static_cast<int>(blockIdx.x) / args.heads);
    const AttentionQueries queries{args.slot_rows, args.slot_tokens};
    const bool packets = args.packets != 0;
    const int first_token = queries.token(block.first_slot), prefix_shift = block.prefix_shift();
    if (args.window > 0) block.enter_window<kKeys>(args.window, first_token);

    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(
        q_tile, args.q + static_cast<int64>(head) * args.head_dim, args.ldq, args.head_dim, packets,
        [&](int row) { return row < block.count ? queries.row(block.first_slot + row) : -1; });
    const int steps = block.steps<kKeys>();
    auto copy_step = [&](int step) {
        int first, keys;
        block.keys<kKeys>(step, first, keys);
        const SharedPtr<T> stage = ring + step % 2 * 2 * Tiles::kKeyElements;
        copy_rows<T, kDim, kKeys, Tiles::kThreads>(stage, args.k + key_column, args.ldk, args.head_dim, packets, first, keys);
        copy_rows<T, kDim, kKeys, Tiles::kThreads>(stage + Tiles::kKeyElements, args.v + key_column, args.ldv, args.head_dim,
                                                   packets, first, keys);
        copy_async_commit();
    };
    copy_step(0);

    SoftmaxState<kRowTiles> state;
#pragma unroll
    for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            state.maximum[m][half] = __uint_as_float(0xFF800000u);
            state.sum[m][half] = 0.0f;
        }
    }
    const int first_row = warp * kRowTiles * 16;
    const float scale = args.softcap > 0.0f ? 1.0f : args.scale, scale_log2 = scale * kLog2E;
    Fragment<float, 4> o[kRowTiles][kOutTiles];
    clear(o);

    for (int step = 0; step < steps; step++) {
        copy_async_wait<0>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        if (step + 1 < steps) copy_step(step + 1);
        int first, keys;
        block.keys<kKeys>(step, first, keys);
        const SharedPtr<T> k_tile = ring + step % 2 * 2 * Tiles::kKeyElements, v_tile = k_tile + Tiles::kKeyElements;
        Fragment<float, 4> s[kRowTiles][kKeyTiles];
        rows_times_rows<T, kDim>(s, q_tile, first_row, k_tile, lane);
        if (args.softcap > 0.0f) {
#pragma unroll
            for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
                for (int n = 0; n < kKeyTiles; n++) {
#pragma unroll
                    for (int e = 0; e < 4; e++) s[m][n][e] = args.softcap * tanhf(s[m][n][e] * args.scale / args.softcap);
                }
            }
        }
        const int window_start = window_offset(args.window, block.in_prefix<kKeys>(step) ? prefix_shift : 0);
        softmax_step<T>(s, o, state, queries, block, first_row, first, first + keys - 1, window_start,
                        keys == kKeys && first + kKeys - 1 <= first_token && args.window == 0, scale_log2, lane);
        weights_times_rows<T, kDim>(o, s, v_tile, 0, scratch, lane);
    }

#pragma unroll
    for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float sum = state.sum[m][half];
            sum += __shfl_xor_sync(kFullWarp, sum, 1);
            sum += __shfl_xor_sync(kFullWarp, sum, 2);
            const int slot = first_row + 16 * m + lane / 4 + 8 * half;
            if (slot >= block.count) continue;
            const int64 row = queries.row(block.first_slot + slot);
            const GlobalPtr<T> out = args.o + (row * args.ldo + static_cast<int64>(head) * args.head_dim);
            const float factor = 1.0f / sum;
#pragma unroll
            for (int n = 0; n < kOutTiles; n++) {
                store_two(out, 8 * n + 2 * (lane % 4), args.head_dim, packets, o[m][n][2 * half] * factor,
                          o[m][n][2 * half + 1] * factor);
            }
            if (lane % 4 == 0) args.lse[row * args.heads + head] = state.maximum[m][half] * scale + logf(sum);
        }
    }
}

}  // namespace

// Two blocks a multiprocessor: left to itself, ptxas makes room for a third with spills (heads of 64) that memory leaves no place
// for anyway (heads of 128).
#define RM_ATTENTION_FORWARD(name, type, dim)                                                                                \
    extern "C" __global__ void __launch_bounds__(ForwardTiles<type, dim>::kThreads, 2) name(AttentionForwardOf<type> args) { \
        forward_block<type, dim>(args);                                                                                      \
    }
RM_ATTENTION_FORWARD(attention_forward_bf16_d64, bfloat16, 64)
RM_ATTENTION_FORWARD(attention_forward_bf16_d128, bfloat16, 128)
RM_ATTENTION_FORWARD(attention_forward_bf16_d256, bfloat16, 256)
RM_ATTENTION_FORWARD(attention_forward_f32_d64, float, 64)
RM_ATTENTION_FORWARD(attention_forward_f32_d128, float, 128)
RM_ATTENTION_FORWARD(attention_forward_f32_d256, float, 256)
#undef RM_ATTENTION_FORWARD

RM_KERNEL(attention_forward_bf16_d64, 128)
RM_KERNEL(attention_forward_bf16_d128, 128)
RM_KERNEL(attention_forward_bf16_d256, 128)
RM_KERNEL(attention_forward_f32_d64, 128)
RM_KERNEL(attention_forward_f32_d128, 128)
RM_KERNEL(attention_forward_f32_d256, 64)

RM_LAYOUT(AttentionForwardArgs, RM_FIELD(AttentionForwardArgs, q), RM_FIELD(AttentionForwardArgs, k),
          RM_FIELD(AttentionForwardArgs, v), RM_FIELD(AttentionForwardArgs, o), RM_FIELD(AttentionForwardArgs, lse),
          RM_FIELD(AttentionForwardArgs, blocks), RM_FIELD(AttentionForwardArgs, slot_rows),
          RM_FIELD(AttentionForwardArgs, slot_tokens), RM_FIELD(AttentionForwardArgs, ldq), RM_FIELD(AttentionForwardArgs, ldk),
          RM_FIELD(AttentionForwardArgs, ldv), RM_FIELD(AttentionForwardArgs, ldo), RM_FIELD(AttentionForwardArgs, heads),
          RM_FIELD(AttentionForwardArgs, heads_per_group), RM_FIELD(AttentionForwardArgs, head_dim),
          RM_FIELD(AttentionForwardArgs, packets), RM_FIELD(AttentionForwardArgs, window), RM_FIELD(AttentionForwardArgs, scale),
          RM_FIELD(AttentionForwardArgs, softcap))
