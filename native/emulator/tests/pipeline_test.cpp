// The Hopper pipeline of kernels/pipeline.cu in many schedules: results, and the launch forms that such kernels need.
#include <cstring>

#include "emulator/tests/gpu.h"

using namespace test;

namespace {

struct alignas(64) Map {
    char bytes[128];
};

Map encode(CUdeviceptr address, int rows, int columns) {
    const std::uint64_t sizes[] = {std::uint64_t(columns), std::uint64_t(rows)}, strides[] = {std::uint64_t(columns) * 2};
    const std::uint32_t box[] = {64, 64}, steps[] = {1, 1};
    Map map;
    CHECK_CUDA(cuTensorMapEncodeTiled(&map, 9, 2, address, sizes, strides, box, steps, 0, 3, 0, 0));
    return map;
}

void run_case(int m, int n, int k, std::uint64_t seed) {
    Gpu gpu(seed);
    std::vector<float> a = random_values(std::size_t(m) * k, seed, true), b = random_values(std::size_t(n) * k, seed + 1, true);
    Buffer<std::uint16_t> a_device(to_bf16(a)), b_device(to_bf16(b)), y(std::size_t(m) * n);
    Map a_map = encode(a_device.address(), m, k), b_map = encode(b_device.address(), n, k), y_map = encode(y.address(), m, n);
    void* kernel = gpu.function("pipeline_product");
    constexpr unsigned kSharedBytes = 3 * 16384;
    void* parameters[] = {&a_map, &b_map, &y_map, &k};
    CUlaunchConfig config{unsigned((n + 63) / 64), unsigned((m + 63) / 64), 1, 160, 1, 1, kSharedBytes, nullptr, nullptr, 0};
    CHECK_CUDA(cuLaunchKernelEx(&config, kernel, parameters, nullptr));
    CHECK(cuCtxSynchronize() == CUDA_SUCCESS, last_report());
    std::vector<double> expected;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int p = 0; p < k; p++) sum += double(a[std::size_t(i) * k + p]) * b[std::size_t(j) * k + p];
            expected.push_back(sum);
        }
    }
    // One rounding to bfloat16, and 4e-6 for float32 sums of hundreds of terms that cancel.
    check_close("y", from_bf16(y.read()), expected, 1.0 / 255, 1e-3);
}

}  // namespace

TEST(pipeline_schedules) {
    for (std::uint64_t seed = 1; seed <= 20; seed++) run_case(128, 64, 520, seed);
}

TEST(pipeline_edges) {
    for (int k : {8, 64, 72, 192, 256}) run_case(64, 128, k, 4);
    run_case(70, 72, 64, 1);
    run_case(8, 136, 200, 2);
    run_case(64, 64, 8, 3);
}

TEST(pipeline_clusters_are_refused) {
    // A cluster of two blocks is more than the emulator has; it says so instead of running something else.
    Gpu gpu;
    struct {
        int id;
        char pad[4];
        unsigned value[16];
    } attribute{4, {}, {2, 1, 1}};
    CUlaunchConfig config{2, 1, 1, 32, 1, 1, 0, nullptr, &attribute, 1};
    CHECK_EQUAL(cuLaunchKernelEx(&config, gpu.function("pipeline_product"), nullptr, nullptr), CUDA_ERROR_NOT_SUPPORTED);
}
