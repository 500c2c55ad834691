// RMSNorm against a double-precision reference: odd and even widths, both types, aliases, many schedules.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "emulator/tests/gpu.h"

using namespace test;

namespace {

struct ForwardArgs {
    CUdeviceptr x, w, y, rstd;
    std::int32_t columns;
    float epsilon;
};

struct BackwardArgs {
    CUdeviceptr dy, x, w, rstd, d_residual, dx;
    std::int32_t columns;
};

struct WeightArgs {
    CUdeviceptr dy, x, rstd, partial;
    std::int32_t rows, columns, rows_per_split;
};

constexpr float kEpsilon = 1e-6f;

struct Reference {
    std::vector<double> y, rstd, dx, dw;
};

Reference reference(const std::vector<float>& x, const std::vector<float>& w, const std::vector<float>& dy,
                    const std::vector<float>& d_residual, int rows, int columns) {
    Reference result;
    result.dw.assign(static_cast<std::size_t>(columns), 0.0);
    for (int t = 0; t < rows; t++) {
        const float* xr = x.data() + std::size_t(t) * columns;
        const float* dyr = dy.data() + std::size_t(t) * columns;
        double squares = 0, product = 0;
        for (int c = 0; c < columns; c++) squares += double(xr[c]) * xr[c];
        double rstd = 1 / std::sqrt(squares / columns + kEpsilon);
        result.rstd.push_back(rstd);
        for (int c = 0; c < columns; c++) product += double(dyr[c]) * w[c] * xr[c] * rstd;
        for (int c = 0; c < columns; c++) {
            result.y.push_back(xr[c] * rstd * w[c]);
            double dx = rstd * (double(dyr[c]) * w[c] - xr[c] * rstd * product / columns);
            result.dx.push_back(dx + d_residual[std::size_t(t) * columns + c]);
            result.dw[c] += dyr[c] * xr[c] * rstd;
        }
    }
    return result;
}

std::vector<float> floats(const std::vector<float>& values) {
    return values;
}
std::vector<float> floats(const std::vector<std::uint16_t>& values) {
    return from_bf16(values);
}
template <typename T>
std::vector<T> stored(const std::vector<float>& values) {
    if constexpr (std::is_same_v<T, float>) {
        return values;
    } else {
        return to_bf16(values);
    }
}

template <typename T>
void run_case(int rows, int columns, unsigned block, std::uint64_t seed) {
    constexpr bool kIsFloat = std::is_same_v<T, float>;
    const double tolerance = kIsFloat ? 2e-6 : 1.0 / 256;
    const std::string suffix = kIsFloat ? "f32" : "bf16";
    const std::size_t count = std::size_t(rows) * columns;
    std::vector<float> x = random_values(count, seed, !kIsFloat), dy = random_values(count, seed + 1, !kIsFloat);
    std::vector<float> residual = random_values(count, seed + 2, !kIsFloat), w = random_values(columns, seed + 3, false);
    Reference expected = reference(x, w, dy, residual, rows, columns);

    Gpu gpu(seed);
    Buffer<T> x_device(stored<T>(x)), y(count), dy_device(stored<T>(dy)), dx(stored<T>(residual));
    Buffer<float> w_device(w), rstd(static_cast<std::size_t>(rows));
    ForwardArgs forward{x_device.address(), w_device.address(), y.address(), rstd.address(), columns, kEpsilon};
    CHECK_CUDA(gpu.launch(("rms_norm_forward_" + suffix).c_str(), rows, block, 0, forward));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    check_close("y", floats(y.read()), expected.y, tolerance, 1e-3);
    check_close("rstd", rstd.read(), expected.rstd, 2e-6, 0);

    // The residual gradient is the memory of dx.
    BackwardArgs backward{
        dy_device.address(), x_device.address(), w_device.address(), rstd.address(), dx.address(), dx.address(), columns};
    CHECK_CUDA(gpu.launch(("rms_norm_backward_" + suffix).c_str(), rows, block, 0, backward));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    // dx is a difference of terms of size 1: their rounding does not shrink with it.
    check_close("dx", floats(dx.read()), expected.dx, tolerance, kIsFloat ? 0.5 : 4e-3);

    const int rows_per_split = 3, splits = (rows + rows_per_split - 1) / rows_per_split;
    const unsigned strips = static_cast<unsigned>((columns + 127) / 128);
    std::vector<float> before = random_values(columns, seed + 4, false);
    Buffer<float> partial(std::size_t(splits) * columns), dw(before);
    WeightArgs weight{dy_device.address(), x_device.address(), rstd.address(), partial.address(), rows, columns, rows_per_split};
    void* weight_parameters[] = {&weight};
    CHECK_CUDA(gpu.launch_with(("rms_norm_backward_" + suffix + "_weight").c_str(), strips, splits, 128, 0, weight_parameters));
    CHECK_CUDA(gpu.launch("rms_norm_backward_f32_reduce", strips, 128, 0, partial.address(), dw.address(), splits, columns));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    std::vector<double> dw_expected;
    for (int c = 0; c < columns; c++) dw_expected.push_back(before[c] + expected.dw[c]);
    check_close("dw", dw.read(), dw_expected, 4e-6, 1.0);
}

}  // namespace

TEST(rms_norm_widths) {
    for (int columns : {1, 7, 8, 33, 64, 100, 136, 896}) {
        run_case<std::uint16_t>(5, columns, 128, 11);
        run_case<float>(5, columns, 128, 12);
    }
}

TEST(rms_norm_blocks) {
    for (unsigned block : {32u, 64u, 256u, 1024u}) run_case<std::uint16_t>(3, 264, block, 13);
}

TEST(rms_norm_schedules) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) run_case<std::uint16_t>(7, 72, 96, seed);
}

TEST(rms_norm_deterministic) {
    // The same bits in every schedule.
    std::vector<float> first;
    for (std::uint64_t seed = 1; seed <= 20; seed++) {
        Gpu gpu(seed);
        Buffer<float> x(random_values(4 * 200, 5, false)), w(random_values(200, 6, false)), y(4 * 200), rstd(4);
        CHECK_CUDA(gpu.launch("rms_norm_forward_f32", 4, 128, 0,
                              ForwardArgs{x.address(), w.address(), y.address(), rstd.address(), 200, kEpsilon}));
        std::vector<float> values = y.read();
        if (seed == 1) first = values;
        CHECK(std::memcmp(values.data(), first.data(), values.size() * sizeof(float)) == 0);
    }
}

TEST(rms_norm_many_blocks) {
    // Many small blocks: every row once, whatever the order. The time of a block is printed, not checked.
    const int rows = 20000, columns = 16;
    Gpu gpu;
    Buffer<float> x(std::vector<float>(std::size_t(rows) * columns, 2.0f)), w(std::vector<float>(columns, 3.0f));
    Buffer<float> y(std::size_t(rows) * columns), rstd(rows);
    std::clock_t start = std::clock();
    CHECK_CUDA(gpu.launch("rms_norm_forward_f32", rows, 32, 0,
                          ForwardArgs{x.address(), w.address(), y.address(), rstd.address(), columns, 0.0f}));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    std::printf("      %.1f us a block of 32 threads\n", 1e6 * double(std::clock() - start) / CLOCKS_PER_SEC / rows);
    for (float value : y.read()) CHECK_EQUAL(value, 3.0f);
}
