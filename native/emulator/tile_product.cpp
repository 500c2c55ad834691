#include "emulator/tile_product.h"

namespace emu {

// Four rows at a time hide the latency of the additions. Two clones: AVX2
/// does a row in one instruction, with the same rounding.
#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
void multiply_tile(Eight* d, const float* a, const Eight* b, int depth) {
    for (int row = 0; row < 16; row += 4, d += 4, a += 4 * depth) {
        Eight sum0 = d[0], sum1 = d[1], sum2 = d[2], sum3 = d[3];
        for (int k = 0; k < depth; k++) {
            sum0 += a[k] * b[k];
            sum1 += a[depth + k] * b[k];
            sum2 += a[2 * depth + k] * b[k];
            sum3 += a[3 * depth + k] * b[k];
        }
        d[0] = sum0;
        d[1] = sum1;
        d[2] = sum2;
        d[3] = sum3;
    }
}

}  // namespace emu
