#include "emulator/tests/gpu.h"

#include <bit>
#include <cmath>

#include "emulator/random.h"

namespace test {

Gpu::Gpu(std::uint64_t seed) {
    CHECK_CUDA(cuInit(0));
    btrmEmuReset();
    btrmEmuSetSeed(seed);
    btrmEmuSetEager(0);
    CHECK_CUDA(btrmEmuSetArch(90));
    CHECK_CUDA(btrmEmuSetMemory(1ull << 30, 1ull << 30));
    void* context;
    CHECK_CUDA(cuDevicePrimaryCtxRetain(&context, 0));
    CHECK_CUDA(cuCtxSetCurrent(context));
    CHECK_CUDA(cuModuleLoadData(&module_, "btrm linked kernels"));
}

Gpu::~Gpu() {
    cuDevicePrimaryCtxRelease_v2(0);
}

void* Gpu::function(const char* name) {
    void* function = nullptr;
    if (cuModuleGetFunction(&function, module_, name) != CUDA_SUCCESS) fail(__FILE__, __LINE__, "no kernel ", name);
    return function;
}

CUresult Gpu::launch_with(const char* name, unsigned grid_x, unsigned grid_y, unsigned block, unsigned shared_bytes,
                          void** parameters) {
    void* kernel = function(name);
    if (shared_bytes > 48 * 1024) CHECK_CUDA(cuFuncSetAttribute(kernel, 8, static_cast<int>(shared_bytes)));
    return cuLaunchKernel(kernel, grid_x, grid_y, 1, block, 1, 1, shared_bytes, nullptr, parameters, nullptr);
}

std::string last_report() {
    char text[2048];
    btrmEmuLastReport(text, sizeof text);
    return text;
}

std::string leak_report() {
    char text[2048];
    btrmEmuLeakReport(text, sizeof text);
    return text;
}

std::uint16_t to_bf16(float value) {
    auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float from_bf16(std::uint16_t bits) {
    return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

std::vector<float> random_values(std::size_t count, std::uint64_t seed, bool rounded) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; i++) {
        std::uint64_t bits = emu::mix(seed * 0x10001 + i);
        values[i] = static_cast<float>(static_cast<std::int64_t>(bits >> 40) - (1 << 23)) / static_cast<float>(1 << 23);
        if (rounded) values[i] = from_bf16(to_bf16(values[i]));
    }
    return values;
}

std::vector<std::uint16_t> to_bf16(const std::vector<float>& values) {
    std::vector<std::uint16_t> bits;
    for (float value : values) bits.push_back(to_bf16(value));
    return bits;
}

std::vector<float> from_bf16(const std::vector<std::uint16_t>& bits) {
    std::vector<float> values;
    for (std::uint16_t value : bits) values.push_back(from_bf16(value));
    return values;
}

void check_close(const char* what, const std::vector<float>& actual, const std::vector<double>& expected, double relative,
                 double scale) {
    CHECK_EQUAL(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); i++) {
        double allowed = relative * (std::fabs(expected[i]) + scale);
        // Written so that NaN fails.
        bool close = std::fabs(actual[i] - expected[i]) <= allowed;
        if (!close) fail(__FILE__, __LINE__, what, "[", i, "] is ", actual[i], ", expected ", expected[i], " within ", allowed);
    }
}

}  // namespace test
