// Gradient of attention_forward.cu, in three kernels without atomics (FlashAttention-2, Dao 2023, whose dQ uses them):
//
//   delta[t, h] = sum_d dO[t, h, d] o[t, h, d]
//   p[t, j] = exp(scale * q[t] . k[j] - lse[t]),   ds[t, j] = p[t, j] (dO[t] . v[j] - delta[t])
//   dq[t, h] = scale sum_j ds[t, j] k[j, g],   dk[j, g] = scale sum_{h, t} ds[t, j] q[t, h],   dv[j, g] = sum_{h, t} p[t, j]
//   dO[t, h]
//
// With softcap c, p[t, j] = exp(c u - lse[t]) and ds is multiplied by 1 - u^2, u = tanh(scale * q[t] . k[j] / c).
//
// with j over the keys that t sees (of which a window leaves the last) and, for dk and dv, h over the H / G heads of the group
// and t over the queries that see j.
//
// Shapes: q, o, dO, dq [rows, H * D], k, v, dk, dv [T, G * D], float32 or bfloat16 (the kernel's suffix), rows ld* elements
// apart; lse, delta [rows, H] float32. Outputs: delta =, dq =, dk =, dv = (zero where no query looks). Arithmetic in float32; p
// and ds are rounded to the storage type before their products. Deterministic: dk and dv add heads in order, in each the ranges
// of queries in the order of the work list, in each the queries in order; all tiles begin at the starts of segments, so bits
// depend on the sequences of a prefix alone.
//
// Kernels attention_backward_<type>_d<P>_<step> for D up to P, in stream order: delta, grid (ceil(rows / kRows) * H), query, grid
// (query blocks * H), and key, grid (key blocks * G * kParts); block 32 * kWarps; dynamic shared memory 2 * kStayingElements for
// delta, else BackwardTiles::kSharedBytes, which the launcher knows as CudaAttentionTiles. A block has at most kRows rows.
// "packets": D is a multiple of 16 bytes, and every row of every matrix starts at one. Not yet timed on a GPU.
#include "common/attention_tile.cuh"
#include "common/launch.cuh"

template <typename T>
struct AttentionDeltaOf {
    GlobalPtr<const T> d_out;  // [rows, H * D]
    GlobalPtr<const T> o;      // [rows, H * D]
    GlobalPtr<float> delta;    // [rows, H] =
    int32 ld_out;              // of d_out
    int32 ldo;
    int32 rows;
    int32 heads;
    int32 head_dim;
    int32 packets;
};
using AttentionDeltaArgs = AttentionDeltaOf<bfloat16>;

template <typename T>
struct AttentionBackwardOf {
    GlobalPtr<const T> d_out;          // [rows, H * D]
    GlobalPtr<const T> q;              // [rows, H * D]
    GlobalPtr<const T> k;              // [T, G * D]
    GlobalPtr<const T> v;              // [T, G * D]
    GlobalPtr<const float> lse;        // [rows, H]
    GlobalPtr<const float> delta;      // [rows, H]
    GlobalPtr<T> dq;                   // [rows, H * D] =, by the query kernel
    GlobalPtr<T> dk;                   // [T, G * D] =, by the key kernel
    GlobalPtr<T> dv;                   // [T, G * D] =, by the key kernel
    GlobalPtr<const int32> blocks;     // query kernel: [blocks, AttentionQueryBlock::kFields]; key kernel: [blocks, 4]
    GlobalPtr<const int32> ranges;     // key kernel: [ranges, 3], first slot, number of slots, prefix_shift of their segment or 0
    GlobalPtr<const int32> slot_rows;  // [slots], or null: slot = row
    GlobalPtr<const int32> slot_tokens;  // [slots], or null: slot = token
    int32 ld_out;                        // of d_out
    int32 ldq;
    int32 ldk;
    int32 ldv;
    int32 ld_dq;
    int32 ld_dk;
    int32 ld_dv;
    int32 heads;            // H
    int32 heads_per_group;  // H / G
    int32 head_dim;         // D
    int32 packets;          // 0 or 1
    int32 window;           // 0 for none
    float scale;
    float softcap;  // 0 for none
};
using AttentionBackwardArgs = AttentionBackwardOf<bfloat16>;

namespace {

// kRows rows, sixteen a warp, stay in shared memory with both their matrices; kMoving rows of the other side pass in two stages.
template <typename T, int kDim>
struct BackwardTiles {
    static constexpr int kWarps = kOnTensorCores<T> || kDim <= 128 ? 4 : 2;
    static constexpr int kMoving = kOnTensorCores<T> ? (kDim <= 64 ? 64 : kDim <= 128 ? 32 : 16) : (kDim <= 64 ? 32 : 8);
    static constexpr int kColumns = minimum(kDim, 128);  // of dk and dv that one block can sum
    static constexpr int kParts = kDim / kColumns;
    static constexpr int kThreads = kWarps * kWarpSize;
    static constexpr int kRows = 16 * kWarps;
    static constexpr int kStayingElements = kRows * kDim;
    static constexpr int kMovingElements = kMoving * kDim;
    static constexpr int kScratch = kOnTensorCores<T> ? 0 : 16 * kMoving;  // floats of a warp
    static constexpr int kStatistics = 4 * kMoving;                        // lse, delta, last and first key of a stage
    static constexpr int kTileBytes = (2 * kStayingElements + 4 * kMovingElements) * static_cast<int>(sizeof(T));
    static constexpr int kSharedBytes = kTileBytes + (2 * kStatistics + kWarps * kScratch) * 4;
    static_assert(kSharedBytes <= 99 << 10, "what a block can have on sm_86 and sm_89");
};

// score = what exp2f takes after scale_log2: itself without a cap, else the capped score over the scale. Returns the slope.
RM_DEVICE float cap_score(float& score, float scale, float softcap) {
    if (!(softcap > 0.0f)) return 1.0f;
    const float bent = tanhf(score * scale / softcap);
    score = bent * softcap / scale;
    return 1.0f - bent * bent;
}

// The diagonal of dO o^T, by the products that the other kernels use for dO v^T: where a query sees one key, o is v, both agree
// to the bit, and ds is exactly zero.
template <typename T, int kDim>
RM_DEVICE void delta_of_rows(const AttentionDeltaOf<T>& args) {
    using Tiles = BackwardTiles<T, kDim>;
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<T> d_out_tile = shared_cast<T>(memory), o_tile = d_out_tile + Tiles::kStayingElements;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int head = static_cast<int>(blockIdx.x) % args.heads;
    const int first_row = static_cast<int>(blockIdx.x) / args.heads * Tiles::kRows;
    const int64 column = static_cast<int64>(head) * args.head_dim;
    const bool packets = args.packets != 0;
    auto row_of = [&](int row) { return first_row + row < args.rows ? first_row + row : -1; };
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(d_out_tile, args.d_out + column, args.ld_out, args.head_dim, packets,
                                                      row_of);
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(o_tile, args.o + column, args.ldo, args.head_dim, packets, row_of);
    copy_async_commit();
    copy_async_wait<0>();
    __syncthreads();

    Fragment<float, 4> products[1][2];
    rows_times_rows<T, kDim>(products, d_out_tile, warp * 16, o_tile + warp * 16 * kDim, lane);
#pragma unroll
    for (int e = 0; e < 4; e++) {
        const int half = e / 2, row = row_of(warp * 16 + 8 * half + lane / 4);
        if (lane / 4 == 2 * (lane % 4) + e % 2 && row >= 0) {
            args.delta[static_cast<int64>(row) * args.heads + head] = products[0][half][e];
        }
    }
}

template <typename T, int kDim>
RM_DEVICE void backward_queries(const AttentionBackwardOf<T>& args) {
    using Tiles = BackwardTiles<T, kDim>;
    constexpr int kKeys = Tiles::kMoving, kKeyTiles = kKeys / 8;
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<T> q_tile = shared_cast<T>(memory), d_out_tile = q_tile + Tiles::kStayingElements;
    const SharedPtr<T> ring = d_out_tile + Tiles::kStayingElements;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const SharedPtr<float> scratch =
        shared_cast<float>(memory + Tiles::kTileBytes) + (2 * Tiles::kStatistics + warp * Tiles::kScratch);
    const int head = static_cast<int>(blockIdx.x) % args.heads;
    const int64 column = static_cast<int64>(head) * args.head_dim;
    const int64 key_column = static_cast<int64>(head / args.heads_per_group) * args.head_dim;
    AttentionQueryBlock block = AttentionQueryBlock::read(args.blocks, static_cast<int>(blockIdx.x) / args.heads);
    const AttentionQueries queries{args.slot_rows, args.slot_tokens};
    const bool packets = args.packets != 0;
    const int prefix_shift = block.prefix_shift();
    if (args.window > 0) block.enter_window<kKeys>(args.window, queries.token(block.first_slot));

    auto query_row = [&](int row) { return row < block.count ? queries.row(block.first_slot + row) : -1; };
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(q_tile, args.q + column, args.ldq, args.head_dim, packets, query_row);
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(d_out_tile, args.d_out + column, args.ld_out, args.head_dim, packets,
                                                      query_row);
    const int steps = block.steps<kKeys>();
    auto copy_step = [&](int step) {
        int first, keys;
        block.keys<kKeys>(step, first, keys);
        const SharedPtr<T> stage = ring + step % 2 * 2 * Tiles::kMovingElements;
        copy_rows<T, kDim, kKeys, Tiles::kThreads>(stage, args.k + key_column, args.ldk, args.head_dim, packets, first, keys);
        copy_rows<T, kDim, kKeys, Tiles::kThreads>(stage + Tiles::kMovingElements, args.v + key_column, args.ldv, args.head_dim,
                                                   packets, first, keys);
        copy_async_commit();
    };
    copy_step(0);

    int rows[2], tokens[2];
    float lse_log2[2], delta[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int row = warp * 16 + lane / 4 + 8 * half;
        rows[half] = query_row(row);
        tokens[half] = -1;  // a row without a query sees no key
        lse_log2[half] = 0.0f;
        delta[half] = 0.0f;
        if (rows[half] >= 0) {
            const int64 at = static_cast<int64>(rows[half]) * args.heads + head;
            tokens[half] = queries.token(block.first_slot + row);
            lse_log2[half] = args.lse[at] * kLog2E;
            delta[half] = args.delta[at];
        }
    }
    const float scale_log2 = args.scale * kLog2E;
    Fragment<float, 4> dq[1][kDim / 8];
    clear(dq);

    for (int step = 0; step < steps; step++) {
        copy_async_wait<0>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        if (step + 1 < steps) copy_step(step + 1);
        int first, keys;
        block.keys<kKeys>(step, first, keys);
        const SharedPtr<T> k_tile = ring + step % 2 * 2 * Tiles::kMovingElements, v_tile = k_tile + Tiles::kMovingElements;
        Fragment<float, 4> s[1][kKeyTiles], dp[1][kKeyTiles];
        rows_times_rows<T, kDim>(s, q_tile, warp * 16, k_tile, lane);
        rows_times_rows<T, kDim>(dp, d_out_tile, warp * 16, v_tile, lane);
        const int window_start = window_offset(args.window, block.in_prefix<kKeys>(step) ? prefix_shift : 0);
#pragma unroll
        for (int n = 0; n < kKeyTiles; n++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const int key = first + 8 * n + 2 * (lane % 4) + e % 2;
                const bool seen = key <= minimum(tokens[e / 2], first + keys - 1) && key >= tokens[e / 2] + window_start;
                const float slope = cap_score(s[0][n][e], args.scale, args.softcap);
                const float p = seen ? exp2_of<T>(fmaf(s[0][n][e], scale_log2, -lse_log2[e / 2])) : 0.0f;
                s[0][n][e] = p * (dp[0][n][e] - delta[e / 2]) * slope;
            }
        }
        weights_times_rows<T, kDim>(dq, s, k_tile, 0, scratch, lane);
    }

#pragma unroll
    for (int half = 0; half < 2; half++) {
        if (rows[half] < 0) continue;
        const GlobalPtr<T> out = args.dq + (static_cast<int64>(rows[half]) * args.ld_dq + column);
#pragma unroll
        for (int n = 0; n < kDim / 8; n++) {
            store_two(out, 8 * n + 2 * (lane % 4), args.head_dim, packets, dq[0][n][2 * half] * args.scale,
                      dq[0][n][2 * half + 1] * args.scale);
        }
    }
}

// The tiles of queries that a block of keys is seen by: for every head of the group, for every range, kTile slots at a time.
template <int kTile>
struct QueryWalk {
    GlobalPtr<const int32> ranges;
    int range_begin, range_end, head_end;
    int last_token;  // of queries whose window has a key of the block, plus the shift of their range
    int head, range;
    int first, left;  // first slot of the tile, and slots of the range from there on
    int shift;        // prefix_shift of the range's segment, 0 where the keys are its own

    RM_DEVICE QueryWalk(GlobalPtr<const int32> ranges_, int begin, int end, int first_head, int last_head, int last_token_)
        : ranges(ranges_),
          range_begin(begin),
          range_end(end),
          head_end(last_head),
          last_token(last_token_),
          head(first_head),
          range(begin),
          first(0),
          left(0),
          shift(0) {
        if (begin == end) {
            head = head_end;
        } else {
            enter();
            if (left <= 0) next_range();
        }
    }

    RM_DEVICE bool valid() const { return head < head_end; }

    RM_DEVICE void advance() {
        first += kTile;
        left -= kTile;
        if (left <= 0) next_range();
    }

private:
    RM_DEVICE void next_range() {
        do {
            range++;
            if (range == range_end) {
                range = range_begin;
                head++;
            }
            enter();
        } while (left <= 0 && head < head_end);
    }

    RM_DEVICE void enter() {
        first = ranges[3 * range];
        left = ranges[3 * range + 1];
        shift = ranges[3 * range + 2];
        left = minimum(left, last_token - shift - first + 1);
    }
};

template <typename T, int kDim>
RM_DEVICE void backward_keys(const AttentionBackwardOf<T>& args) {
    using Tiles = BackwardTiles<T, kDim>;
    constexpr int kQueries = Tiles::kMoving, kQueryTiles = kQueries / 8, kOutTiles = Tiles::kColumns / 8;
    static_assert(kQueries <= Tiles::kThreads, "one thread a query loads the statistics");
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<T> k_tile = shared_cast<T>(memory), v_tile = k_tile + Tiles::kStayingElements;
    const SharedPtr<T> ring = v_tile + Tiles::kStayingElements;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarpSize, warp = thread / kWarpSize;
    const SharedPtr<float> statistics = shared_cast<float>(memory + Tiles::kTileBytes);
    const SharedPtr<int32> seen_until = shared_cast<int32>(memory + Tiles::kTileBytes) + 2 * kQueries;
    const SharedPtr<int32> seen_from = seen_until + kQueries;
    const SharedPtr<float> scratch = statistics + (2 * Tiles::kStatistics + warp * Tiles::kScratch);
    const int part = static_cast<int>(blockIdx.x) % Tiles::kParts, index = static_cast<int>(blockIdx.x) / Tiles::kParts;
    const int groups = args.heads / args.heads_per_group, group = index % groups;
    const int64 key_column = static_cast<int64>(group) * args.head_dim;
    const int first_column = part * Tiles::kColumns;
    const AttentionQueries queries{args.slot_rows, args.slot_tokens};
    const bool packets = args.packets != 0;

    const GlobalPtr<const int32> fields = args.blocks + static_cast<int64>(index / groups) * 4;
    const int first_key = fields[0], keys = fields[1], range_begin = fields[2], range_end = fields[3];
    auto key_row = [&](int row) { return row < keys ? first_key + row : -1; };
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(k_tile, args.k + key_column, args.ldk, args.head_dim, packets, key_row);
    copy_tile<T, kDim, Tiles::kRows, Tiles::kThreads>(v_tile, args.v + key_column, args.ldv, args.head_dim, packets, key_row);
    copy_async_commit();

    // lse, delta and token of one query, loaded while the step before is computed and stored for all after it.
    float lse_log2 = 0.0f, delta = 0.0f;
    int token = -1, first_seen = 0;

    // Slots are tokens where queries are all tokens; there a window ends the walk early. Elsewhere queries are few.
    const bool bounded = args.window > 0 && args.slot_tokens == nullptr;
    QueryWalk<kQueries> walk(args.ranges, range_begin, range_end, group * args.heads_per_group,
                             (group + 1) * args.heads_per_group,
                             bounded ? first_key + keys - 1 + args.window - 1 : 0x7FFFFFFF - (1 << 30));
    auto copy_step = [&](int step) {
        const int64 column = static_cast<int64>(walk.head) * args.head_dim;
        const SharedPtr<T> stage = ring + step % 2 * 2 * Tiles::kMovingElements;
        const GlobalPtr<const T> q = args.q + column, d_out = args.d_out + column;
        if (args.slot_rows == nullptr) {
            const int rows = minimum(walk.left, kQueries);
            copy_rows<T, kDim, kQueries, Tiles::kThreads>(stage, q, args.ldq, args.head_dim, packets, walk.first, rows);
            copy_rows<T, kDim, kQueries, Tiles::kThreads>(stage + Tiles::kMovingElements, d_out, args.ld_out, args.head_dim,
                                                          packets, walk.first, rows);
        } else {
            auto row_of = [&](int row) { return row < walk.left ? queries.row(walk.first + row) : -1; };
            copy_tile<T, kDim, kQueries, Tiles::kThreads>(stage, q, args.ldq, args.head_dim, packets, row_of);
            copy_tile<T, kDim, kQueries, Tiles::kThreads>(stage + Tiles::kMovingElements, d_out, args.ld_out, args.head_dim,
                                                          packets, row_of);
        }
        copy_async_commit();
        lse_log2 = 0.0f;
        delta = 0.0f;
        token = -1;
        if (thread < kQueries && thread < walk.left) {
            const int64 at = static_cast<int64>(queries.row(walk.first + thread)) * args.heads + walk.head;
            lse_log2 = args.lse[at] * kLog2E;
            delta = args.delta[at];
            token = queries.token(walk.first + thread);
            first_seen = token + window_offset(args.window, walk.shift);
        }
        walk.advance();
    };
    auto publish = [&](int step) {
        if (thread >= kQueries) return;
        const int at = step % 2 * Tiles::kStatistics + thread;
        statistics[at] = lse_log2;
        statistics[at + kQueries] = delta;
        seen_until[at] = token;
        seen_from[at] = first_seen;
    };

    const float scale_log2 = args.scale * kLog2E;
    Fragment<float, 4> dk[1][kOutTiles], dv[1][kOutTiles];
    clear(dk);
    clear(dv);
    bool more = walk.valid();
    if (more) {
        copy_step(0);
        publish(0);
    }
    for (int step = 0; more; step++) {
        copy_async_wait<0>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        more = walk.valid();
        if (more) copy_step(step + 1);
        const SharedPtr<T> q_tile = ring + step % 2 * 2 * Tiles::kMovingElements, d_out_tile = q_tile + Tiles::kMovingElements;

        // Transposed: rows are keys, columns queries, so that p and ds are left operands as they lie.
        Fragment<float, 4> p[1][kQueryTiles], ds[1][kQueryTiles];
        rows_times_rows<T, kDim>(p, k_tile, warp * 16, q_tile, lane);
        rows_times_rows<T, kDim>(ds, v_tile, warp * 16, d_out_tile, lane);
#pragma unroll
        for (int n = 0; n < kQueryTiles; n++) {
#pragma unroll
            for (int odd = 0; odd < 2; odd++) {
                const int at = step % 2 * Tiles::kStatistics + 8 * n + 2 * (lane % 4) + odd;
                const float query_lse = statistics[at], query_delta = statistics[at + kQueries];
                const int query_token = seen_until[at], query_first = seen_from[at];
#pragma unroll
                for (int e = odd; e < 4; e += 2) {
                    const int key = first_key + warp * 16 + lane / 4 + e / 2 * 8;
                    const bool seen = key <= query_token && key >= query_first;
                    const float slope = cap_score(p[0][n][e], args.scale, args.softcap);
                    const float weight = seen ? exp2_of<T>(fmaf(p[0][n][e], scale_log2, -query_lse)) : 0.0f;
                    p[0][n][e] = weight;
                    ds[0][n][e] = weight * (ds[0][n][e] - query_delta) * slope;
                }
            }
        }
        weights_times_rows<T, kDim>(dv, p, d_out_tile, first_column, scratch, lane);
        weights_times_rows<T, kDim>(dk, ds, q_tile, first_column, scratch, lane);
        if (more) publish(step + 1);
    }
    copy_async_wait<0>();  // for keys that no query looks at, whose copies nobody has waited for

#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int row = key_row(warp * 16 + lane / 4 + 8 * half);
        if (row < 0) continue;
        const GlobalPtr<T> dk_row = args.dk + (static_cast<int64>(row) * args.ld_dk + key_column);
        const GlobalPtr<T> dv_row = args.dv + (static_cast<int64>(row) * args.ld_dv + key_column);
#pragma unroll
        for (int n = 0; n < kOutTiles; n++) {
            const int column = first_column + 8 * n + 2 * (lane % 4);
            store_two(dk_row, column, args.head_dim, packets, dk[0][n][2 * half] * args.scale,
                      dk[0][n][2 * half + 1] * args.scale);
            store_two(dv_row, column, args.head_dim, packets, dv[0][n][2 * half], dv[0][n][2 * half + 1]);
        }
    }
}

}  // namespace

#define RM_ATTENTION_BACKWARD(suffix, type, dim)                                     \
    extern "C" __global__ void __launch_bounds__(BackwardTiles<type, dim>::kThreads) \
        attention_backward_##suffix##_delta(AttentionDeltaOf<type> args) {           \
        delta_of_rows<type, dim>(args);                                              \
    }                                                                                \
    extern "C" __global__ void __launch_bounds__(BackwardTiles<type, dim>::kThreads) \
        attention_backward_##suffix##_query(AttentionBackwardOf<type> args) {        \
        backward_queries<type, dim>(args);                                           \
    }                                                                                \
    extern "C" __global__ void __launch_bounds__(BackwardTiles<type, dim>::kThreads) \
        attention_backward_##suffix##_key(AttentionBackwardOf<type> args) {          \
        backward_keys<type, dim>(args);                                              \
    }
RM_ATTENTION_BACKWARD(bf16_d64, bfloat16, 64)
RM_ATTENTION_BACKWARD(bf16_d128, bfloat16, 128)
RM_ATTENTION_BACKWARD(bf16_d256, bfloat16, 256)
RM_ATTENTION_BACKWARD(f32_d64, float, 64)
RM_ATTENTION_BACKWARD(f32_d128, float, 128)
RM_ATTENTION_BACKWARD(f32_d256, float, 256)
#undef RM_ATTENTION_BACKWARD

RM_KERNEL(attention_backward_bf16_d64_delta, 128)
RM_KERNEL(attention_backward_bf16_d128_delta, 128)
RM_KERNEL(attention_backward_bf16_d256_delta, 128)
RM_KERNEL(attention_backward_f32_d64_delta, 128)
RM_KERNEL(attention_backward_f32_d128_delta, 128)
RM_KERNEL(attention_backward_f32_d256_delta, 64)
RM_KERNEL(attention_backward_bf16_d64_query, 128)
RM_KERNEL(attention_backward_bf16_d128_query, 128)
RM_KERNEL(attention_backward_bf16_d256_query, 128)
RM_KERNEL(attention_backward_f32_d64_query, 128)
RM_KERNEL(attention_backward_f32_d128_query, 128)
RM_KERNEL(attention_backward_f32_d256_query, 64)
RM_KERNEL(attention_backward_bf16_d64_key, 128)
RM_KERNEL(attention_backward_bf16_d128_key, 128)
RM_KERNEL(attention_backward_bf16_d256_key, 128)
RM_KERNEL(attention_backward_f32_d64_key, 128)
RM_KERNEL(attention_backward_f32_d128_key, 128)
RM_KERNEL(attention_backward_f32_d256_key, 64)

RM_LAYOUT(AttentionDeltaArgs, RM_FIELD(AttentionDeltaArgs, d_out), RM_FIELD(AttentionDeltaArgs, o),
          RM_FIELD(AttentionDeltaArgs, delta), RM_FIELD(AttentionDeltaArgs, ld_out), RM_FIELD(AttentionDeltaArgs, ldo),
          RM_FIELD(AttentionDeltaArgs, rows), RM_FIELD(AttentionDeltaArgs, heads), RM_FIELD(AttentionDeltaArgs, head_dim),
          RM_FIELD(AttentionDeltaArgs, packets))
RM_LAYOUT(AttentionBackwardArgs, RM_FIELD(AttentionBackwardArgs, d_out), RM_FIELD(AttentionBackwardArgs, q),
          RM_FIELD(AttentionBackwardArgs, k), RM_FIELD(AttentionBackwardArgs, v), RM_FIELD(AttentionBackwardArgs, lse),
          RM_FIELD(AttentionBackwardArgs, delta), RM_FIELD(AttentionBackwardArgs, dq), RM_FIELD(AttentionBackwardArgs, dk),
          RM_FIELD(AttentionBackwardArgs, dv), RM_FIELD(AttentionBackwardArgs, blocks), RM_FIELD(AttentionBackwardArgs, ranges),
          RM_FIELD(AttentionBackwardArgs, slot_rows), RM_FIELD(AttentionBackwardArgs, slot_tokens),
          RM_FIELD(AttentionBackwardArgs, ld_out), RM_FIELD(AttentionBackwardArgs, ldq), RM_FIELD(AttentionBackwardArgs, ldk),
          RM_FIELD(AttentionBackwardArgs, ldv), RM_FIELD(AttentionBackwardArgs, ld_dq), RM_FIELD(AttentionBackwardArgs, ld_dk),
          RM_FIELD(AttentionBackwardArgs, ld_dv), RM_FIELD(AttentionBackwardArgs, heads),
          RM_FIELD(AttentionBackwardArgs, heads_per_group), RM_FIELD(AttentionBackwardArgs, head_dim),
          RM_FIELD(AttentionBackwardArgs, packets), RM_FIELD(AttentionBackwardArgs, window),
          RM_FIELD(AttentionBackwardArgs, scale), RM_FIELD(AttentionBackwardArgs, softcap))
