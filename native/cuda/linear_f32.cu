// The products of a linear layer and of LoRA in float32 storage, as plain fused multiply-adds: what shows on any device that the
// bfloat16 path (linear.cu, lora_*.cu, weight_gradient.cu) computes the right thing. Not made for speed.
//
//   y[m,n] = scale * sum_k dropout(a)[m,k] dropout(b)[k,n] + bias[n] + residual[m,n]
//
// Forward (a = x, b = W^T), input gradient (dY, W), weight gradient (dY^T, X) and the products with S, dS, A and B are all this
// one, by the strides of rows and columns (in elements) that every operand has. Dropout (`dropped`: 0 none, 1 of a, 2 of b) masks
// tokens by columns: of a these are m and k, of b k and n. bias and residual may be null; residual may be y, which makes y +=.
//
// Shapes: a [M, K], b [K, N], y and residual [M, N], bias [N], all float32. y = ; sums in order of k; deterministic, and a row of
// y depends on no other row of a.
//
// Launch: grid (ceil(N / 32), ceil(M / 32)), block 256.
#include "common/dropout.cuh"
#include "common/launch.cuh"

struct LinearF32Args {
    GlobalPtr<const float> a;
    GlobalPtr<const float> b;
    GlobalPtr<const float> bias;
    GlobalPtr<const float> residual;
    GlobalPtr<float> y;
    DropoutArgs dropout;
    float scale;
    int32 dropped;
    int32 m;
    int32 n;
    int32 k;
    int32 a_row;
    int32 a_column;
    int32 b_row;
    int32 b_column;
    int32 y_row;
    int32 y_column;
    int32 residual_row;
    int32 residual_column;
};

namespace {

constexpr int kTile = 32, kThreads = 256, kRows = 16;  // a thread has 2 x 2 elements, kRows apart
constexpr int kDroppedA = 1, kDroppedB = 2;

RM_DEVICE float element_of_a(const LinearF32Args& args, int m, int k) {
    if (m >= args.m || k >= args.k) return 0.0f;
    if (args.dropped == kDroppedA && !keeps_element(args.dropout, args.dropout.keys[m], k)) return 0.0f;
    return args.a[static_cast<int64>(m) * args.a_row + static_cast<int64>(k) * args.a_column];
}

RM_DEVICE float element_of_b(const LinearF32Args& args, int k, int n) {
    if (n >= args.n || k >= args.k) return 0.0f;
    if (args.dropped == kDroppedB && !keeps_element(args.dropout, args.dropout.keys[k], n)) return 0.0f;
    return args.b[static_cast<int64>(k) * args.b_row + static_cast<int64>(n) * args.b_column];
}

RM_DEVICE void store(const LinearF32Args& args, int m, int n, float sum) {
    if (m >= args.m || n >= args.n) return;
    float value = args.scale * sum;
    if (args.bias != nullptr) value += args.bias[n];
    if (args.residual != nullptr) {
        value += args.residual[static_cast<int64>(m) * args.residual_row + static_cast<int64>(n) * args.residual_column];
    }
    args.y[static_cast<int64>(m) * args.y_row + static_cast<int64>(n) * args.y_column] = value;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_f32(LinearF32Args args) {
    RM_SHARED(float, tile_a, kTile*(kTile + 1));
    RM_SHARED(float, tile_b, kTile*(kTile + 1));
    const int first_m = static_cast<int>(blockIdx.y) * kTile, first_n = static_cast<int>(blockIdx.x) * kTile;
    const int m = static_cast<int>(threadIdx.x) / kRows, n = static_cast<int>(threadIdx.x) % kRows;
    float sums[2][2] = {{0.0f, 0.0f}, {0.0f, 0.0f}};
    for (int k = 0; k < args.k; k += kTile) {
        for (int i = static_cast<int>(threadIdx.x); i < kTile * kTile; i += kThreads) {
            const int row = i / kTile, column = i % kTile;
            tile_a[row * (kTile + 1) + column] = element_of_a(args, first_m + row, k + column);
            tile_b[row * (kTile + 1) + column] = element_of_b(args, k + row, first_n + column);
        }
        __syncthreads();
        const int depth = minimum(kTile, args.k - k);
        for (int i = 0; i < depth; i++) {
            const float a0 = tile_a[m * (kTile + 1) + i], a1 = tile_a[(m + kRows) * (kTile + 1) + i];
            const float b0 = tile_b[i * (kTile + 1) + n], b1 = tile_b[i * (kTile + 1) + n + kRows];
            sums[0][0] += a0 * b0;
            sums[0][1] += a0 * b1;
            sums[1][0] += a1 * b0;
            sums[1][1] += a1 * b1;
        }
        __syncthreads();  // before the tiles are filled again
    }
    store(args, first_m + m, first_n + n, sums[0][0]);
    store(args, first_m + m, first_n + n + kRows, sums[0][1]);
    store(args, first_m + m + kRows, first_n + n, sums[1][0]);
    store(args, first_m + m + kRows, first_n + n + kRows, sums[1][1]);
}

RM_KERNEL(linear_forward_f32, kThreads)

RM_LAYOUT(LinearF32Args, RM_FIELD(LinearF32Args, a), RM_FIELD(LinearF32Args, b), RM_FIELD(LinearF32Args, bias),
          RM_FIELD(LinearF32Args, residual), RM_FIELD(LinearF32Args, y), RM_FIELD(LinearF32Args, dropout),
          RM_FIELD(LinearF32Args, scale), RM_FIELD(LinearF32Args, dropped), RM_FIELD(LinearF32Args, m),
          RM_FIELD(LinearF32Args, n), RM_FIELD(LinearF32Args, k), RM_FIELD(LinearF32Args, a_row),
          RM_FIELD(LinearF32Args, a_column), RM_FIELD(LinearF32Args, b_row), RM_FIELD(LinearF32Args, b_column),
          RM_FIELD(LinearF32Args, y_row), RM_FIELD(LinearF32Args, y_column), RM_FIELD(LinearF32Args, residual_row),
          RM_FIELD(LinearF32Args, residual_column))
