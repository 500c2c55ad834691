// Gradient of the embedding table, for full fine-tuning. (Its forward is gather_rows_forward of rows.cu.)
//
//   d_table[ids[u],c] += sum of dx[order[k],c] over k in starts[u] .. starts[u+1]
//
// The host has sorted the micro-batch's tokens by id: ids [U] are the different ones, order [T] the token rows, those of one id
// next to each other and in token order, starts [U + 1] where each id's begin. So no two blocks write to one row and nothing is
// atomic. Shapes: dx [T, C] contiguous, float32 or bfloat16 (the kernel's suffix); d_table [vocabulary, C] float32, +=, added
// to in token order; deterministic.
//
// Launch: grid (U, ceil(C / 256)), block 256. Not yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/memory.cuh"

template <typename T>
struct EmbeddingBackwardOf {
    GlobalPtr<const T> dx;
    GlobalPtr<const int32> ids;
    GlobalPtr<const int32> starts;
    GlobalPtr<const int32> order;
    GlobalPtr<float> d_table;
    int32 columns;  // C
};
using EmbeddingBackwardArgs = EmbeddingBackwardOf<bfloat16>;

namespace {

constexpr int kThreads = 256;

template <typename T>
RM_DEVICE void backward(const EmbeddingBackwardOf<T>& args) {
    const int column = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    if (column >= args.columns) return;
    const int32 id = args.ids[blockIdx.x], begin = args.starts[blockIdx.x], end = args.starts[blockIdx.x + 1];
    const int64 at = static_cast<int64>(id) * args.columns + column;
    float sum = args.d_table[at];
    for (int32 k = begin; k < end; k++) {
        const int32 row = args.order[k];
        sum += to_float(args.dx[static_cast<int64>(row) * args.columns + column]);
    }
    args.d_table[at] = sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) embedding_backward_bf16(EmbeddingBackwardOf<bfloat16> args) {
    backward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) embedding_backward_f32(EmbeddingBackwardOf<float> args) {
    backward(args);
}

RM_KERNEL(embedding_backward_bf16, kThreads)
RM_KERNEL(embedding_backward_f32, kThreads)

RM_LAYOUT(EmbeddingBackwardArgs, RM_FIELD(EmbeddingBackwardArgs, dx), RM_FIELD(EmbeddingBackwardArgs, ids),
          RM_FIELD(EmbeddingBackwardArgs, starts), RM_FIELD(EmbeddingBackwardArgs, order),
          RM_FIELD(EmbeddingBackwardArgs, d_table), RM_FIELD(EmbeddingBackwardArgs, columns))
