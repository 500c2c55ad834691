// The tensor-core linear layer against a double-precision reference: tile edges, bias, residual, K extension, many schedules.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "emulator/tests/linear_problem.h"

using namespace test;

namespace {

struct Operands {
    CUdeviceptr a, b;
    std::int32_t lda, ldb, k, reserved;
};

struct LinearArgs {
    Operands main, extension;
    CUdeviceptr bias, residual, y;
    std::int32_t m, n, ldy, ldr;
};

constexpr unsigned kSharedBytes = 65536;

void run_case(const LinearShape& shape, bool forward, std::uint64_t seed) {
    Gpu gpu(seed);
    LinearProblem problem(shape, forward, seed);
    Buffer<std::uint16_t> y(std::size_t(shape.m) * shape.n);
    LinearArgs args{};
    args.main = {problem.a_device.address(), problem.b_device.address(), problem.a.stride, problem.b.stride, shape.k, 0};
    args.extension = {
        problem.a2_device.address(), problem.b2_device.address(), problem.a2.stride, problem.b2.stride, shape.rank, 0};
    if (shape.bias) args.bias = problem.bias_device.address();
    if (shape.residual) args.residual = problem.residual_device.address();
    args.y = y.address();
    args.m = shape.m;
    args.n = args.ldy = args.ldr = shape.n;
    unsigned tiles = unsigned((shape.m + 127) / 128 * ((shape.n + 127) / 128));
    CHECK_CUDA(gpu.launch(forward ? "linear_forward_bf16" : "linear_backward_bf16", tiles, 256, kSharedBytes, args));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    // One rounding to bfloat16 (half a unit in the last of eight bits: 2^-8), and float32 accumulation.
    check_close(forward ? "forward" : "backward", from_bf16(y.read()), problem.expected(), 1.0 / 255, 1e-4);
}

}  // namespace

TEST(linear_tile_edges) {
    for (int size : {1, 2, 7, 8, 9, 31, 32, 33, 127, 128, 129}) {
        run_case({size, 40, 24}, true, 1);
        run_case({40, size, 24}, true, 2);
        run_case({24, 40, size}, true, 3);
        run_case({size, 40, 24}, false, 4);
        run_case({40, size, 24}, false, 5);
        run_case({24, 40, size}, false, 6);
    }
}

TEST(linear_many_tiles) {
    run_case({260, 390, 72, 0, true, true}, true, 7);
    run_case({1160, 130, 40, 0, false, true}, false, 8);
}

TEST(linear_epilogue_and_extension) {
    for (bool forward : {true, false}) {
        for (int rank : {0, 4, 8, 16, 48}) {
            run_case({70, 72, 200, rank, forward, false}, forward, 9);
            run_case({70, 73, 64, rank, false, true}, forward, 10);
        }
        run_case({33, 24, 0, 8, false, false}, forward, 11);
    }
}

TEST(linear_accumulates_in_place) {
    // The residual is the memory of y: y += a b^T. And a strided y leaves the columns between its rows alone.
    Gpu gpu;
    const int m = 130, n = 24, k = 16, stride = 31;
    Matrix a(m, k, 1), b(n, k, 2);
    std::vector<float> before = random_values(std::size_t(m) * stride, 3, true);
    Buffer<std::uint16_t> a_device(to_bf16(a.values)), b_device(to_bf16(b.values)), y(to_bf16(before));
    LinearArgs args{};
    args.main = {a_device.address(), b_device.address(), k, k, k, 0};
    args.residual = args.y = y.address();
    args.m = m;
    args.n = n;
    args.ldy = args.ldr = stride;
    CHECK_CUDA(gpu.launch("linear_forward_bf16", 2, 256, kSharedBytes, args));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    std::vector<double> expected(before.begin(), before.end());
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            for (int p = 0; p < k; p++) expected[std::size_t(i) * stride + j] += double(a.at(i, p)) * b.at(j, p);
        }
    }
    std::vector<float> after = from_bf16(y.read());
    check_close("y", after, expected, 1.0 / 255, 1e-4);
    for (int i = 0; i < m; i++) {
        for (int j = n; j < stride; j++) CHECK_EQUAL(after[std::size_t(i) * stride + j], before[std::size_t(i) * stride + j]);
    }
}

TEST(linear_rows_must_be_aligned) {
    // Outside its contract the kernel is refused, not wrong.
    Gpu gpu;
    Buffer<std::uint16_t> a(std::vector<std::uint16_t>(12 * 4)), b(std::vector<std::uint16_t>(12 * 4)), y(16);
    LinearArgs args{};
    args.main = {a.address(), b.address(), 12, 12, 12, 0};
    args.y = y.address();
    args.m = args.n = args.ldy = args.ldr = 4;
    CHECK_CUDA(gpu.launch("linear_forward_bf16", 1, 256, kSharedBytes, args));
    CHECK(cuCtxSynchronize() == CUDA_ERROR_MISALIGNED_ADDRESS, last_report());
}

TEST(linear_schedules) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        run_case({100, 136, 136, 8, true, true}, true, seed);
        run_case({136, 100, 104, 8, false, true}, false, seed);
    }
}

TEST(linear_throughput) {
    // Not a check of speed: the figure is printed; the result must be that of a smaller run of the same rows. CPU time is
    // counted, not wall time: per core, whatever else the machine does.
    const int size = 512;
    Gpu gpu;
    Buffer<std::uint16_t> a(to_bf16(random_values(std::size_t(size) * size, 1, true))),
        b(to_bf16(random_values(std::size_t(size) * size, 2, true)));
    Buffer<std::uint16_t> y(std::size_t(size) * size), top(std::size_t(128) * size);
    LinearArgs args{};
    args.main = {a.address(), b.address(), size, size, size, 0};
    args.y = y.address();
    args.m = args.n = args.ldy = args.ldr = size;
    std::clock_t start = std::clock();
    CHECK_CUDA(gpu.launch("linear_forward_bf16", 16, 256, kSharedBytes, args));
    CHECK_CUDA(cuCtxSynchronize());
    double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    std::printf("      %.2f GFLOP/s a core\n", 2.0 * size * size * size / seconds / 1e9);
    args.y = top.address();
    args.m = 128;
    CHECK_CUDA(gpu.launch("linear_forward_bf16", 4, 256, kSharedBytes, args));
    std::vector<std::uint16_t> whole = y.read(), part = top.read();
    CHECK(std::equal(part.begin(), part.end(), whole.begin()));
}
