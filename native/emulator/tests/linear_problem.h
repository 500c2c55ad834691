// One linear layer with random operands on the device, and its result in double precision: for the tests of all kernels that
// compute it.
#pragma once

#include <algorithm>
#include <cmath>

#include "emulator/tests/gpu.h"

namespace test {

struct LinearShape {
    int m, n, k;
    int rank = 0;
    bool bias = false, residual = false;
};

/// A row-major matrix whose rows start at multiples of 16 bytes; the padding between rows is NaN.
struct Matrix {
    int rows, columns, stride;
    std::vector<float> values;

    Matrix(int rows, int columns, std::uint64_t seed)
        : rows(rows), columns(columns), stride((columns + 7) / 8 * 8), values(std::size_t(rows) * stride, NAN) {
        std::vector<float> random = random_values(std::size_t(rows) * columns, seed, true);
        for (int r = 0; r < rows; r++)
            std::copy_n(random.data() + std::size_t(r) * columns, columns, values.data() + std::size_t(r) * stride);
    }
    float at(int r, int c) const { return values[std::size_t(r) * stride + c]; }
};

/// y = a b^T (or a b) + a2 b2^T (or a2 b2) + bias + residual.
struct LinearProblem {
    LinearShape shape;
    bool forward;
    Matrix a, b, a2, b2;
    std::vector<float> bias, residual;
    Buffer<std::uint16_t> a_device, b_device, a2_device, b2_device, residual_device;
    Buffer<float> bias_device;

    LinearProblem(const LinearShape& shape, bool forward, std::uint64_t seed)
        : shape(shape),
          forward(forward),
          a(shape.m, depth(shape.k), seed * 10),
          b(forward ? shape.n : depth(shape.k), forward ? depth(shape.k) : shape.n, seed * 10 + 1),
          a2(shape.m, depth(shape.rank), seed * 10 + 2),
          b2(forward ? shape.n : depth(shape.rank), forward ? depth(shape.rank) : shape.n, seed * 10 + 3),
          bias(random_values(std::size_t(shape.n), seed * 10 + 4, false)),
          residual(random_values(std::size_t(shape.m) * shape.n, seed * 10 + 5, true)),
          a_device(to_bf16(a.values)),
          b_device(to_bf16(b.values)),
          a2_device(to_bf16(a2.values)),
          b2_device(to_bf16(b2.values)),
          residual_device(to_bf16(residual)),
          bias_device(bias) {}

    std::vector<double> expected() const {
        std::vector<double> sums(std::size_t(shape.m) * shape.n);
        for (int m = 0; m < shape.m; m++) {
            for (int n = 0; n < shape.n; n++) {
                double sum = 0;
                for (int k = 0; k < shape.k; k++) sum += double(a.at(m, k)) * (forward ? b.at(n, k) : b.at(k, n));
                for (int r = 0; r < shape.rank; r++) sum += double(a2.at(m, r)) * (forward ? b2.at(n, r) : b2.at(r, n));
                if (shape.bias) sum += bias[std::size_t(n)];
                if (shape.residual) sum += residual[std::size_t(m) * shape.n + n];
                sums[std::size_t(m) * shape.n + n] = sum;
            }
        }
        return sums;
    }

private:
    // Device memory is never empty.
    static int depth(int k) { return std::max(k, 1); }
};

}  // namespace test
