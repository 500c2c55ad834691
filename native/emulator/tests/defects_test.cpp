// Every planted defect is caught by name, with kernel, thread and source line, in each of 20 schedules; its sound twin passes.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "emulator/tests/gpu.h"

using namespace test;

namespace {

constexpr int kSeeds = 20;

struct Planted {
    std::string kernel, shape;
    unsigned threads = 0, dynamic_shared = 0;
    int error = 0;
    /// Names that the defect may have; which one depends on the schedule.
    std::vector<std::string> names;
};

std::vector<Planted> read_planted() {
    std::ifstream file(PLANTED_FOLDER "/planted-defects.txt");
    std::vector<Planted> all;
    for (std::string line; std::getline(file, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream columns(line);
        Planted planted;
        columns >> planted.kernel >> planted.shape >> planted.threads >> planted.dynamic_shared >> planted.error;
        for (std::string name; columns >> name;) planted.names.push_back(name);
        CHECK(!planted.names.empty(), line);
        all.push_back(planted);
    }
    CHECK(all.size() >= 20);
    return all;
}

CUresult run(Gpu& gpu, const Planted& planted, int sound) {
    constexpr int kCount = 100;
    const char* kernel = planted.kernel.c_str();
    const unsigned threads = planted.threads, shared = planted.dynamic_shared;
    Buffer<float> out(planted.shape == "count" ? kCount : 128), values(random_values(kCount, 2, false));
    Buffer<std::uint16_t> in(to_bf16(random_values(512, 3, true)));
    CUresult launched = CUDA_ERROR_NOT_FOUND;
    if (planted.shape == "out") launched = gpu.launch(kernel, 3, threads, shared, out.address(), sound);
    if (planted.shape == "in-out") launched = gpu.launch(kernel, 3, threads, shared, in.address(), out.address(), sound);
    if (planted.shape == "in") launched = gpu.launch(kernel, 3, threads, shared, in.address(), sound);
    if (planted.shape == "count") launched = gpu.launch(kernel, 3, threads, shared, out.address(), kCount, sound);
    if (planted.shape == "in-out-count")
        launched = gpu.launch(kernel, 3, threads, shared, values.address(), out.address(), kCount, sound);
    CHECK_CUDA(launched);
    return cuCtxSynchronize();
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (text.rfind(name + ":", 0) == 0) return true;
    }
    return false;
}

}  // namespace

TEST(defects_are_named) {
    for (const Planted& planted : read_planted()) {
        for (std::uint64_t seed = 1; seed <= kSeeds; seed++) {
            Gpu gpu(seed);
            CUresult result = run(gpu, planted, 0);
            std::string report = last_report();
            CHECK(starts_with_any(report, planted.names), planted.kernel, " seed ", seed, " result ", result, ": ", report);
            CHECK(report.find(std::string("kernel ") + planted.kernel + ",") != std::string::npos, report);
            CHECK(report.find("planted.cu:") != std::string::npos, report);
            if (planted.kernel == "planted_missing_phase_flip")
                CHECK(report.find("phase bit not flipped") != std::string::npos, report);
            CHECK(report.find("thread (") != std::string::npos && report.find("block (") != std::string::npos, report);
            CHECK(static_cast<int>(result) == planted.error, planted.kernel, " returned ", result, ": ", report);
        }
    }
}

TEST(defects_have_sound_twins) {
    for (const Planted& planted : read_planted()) {
        for (std::uint64_t seed = 1; seed <= kSeeds; seed++) {
            Gpu gpu(seed);
            CHECK(run(gpu, planted, 1) == CUDA_SUCCESS, planted.kernel, " seed ", seed, ": ", last_report());
            CHECK(last_report().empty(), last_report());
        }
    }
}

TEST(defect_is_reported_at_its_line) {
    // The line in the report is that of the defective access, found in the source by its text.
    Gpu gpu;
    CHECK(run(gpu, read_planted()[0], 0) != CUDA_SUCCESS);
    std::string report = last_report();
    std::size_t at = report.find("planted.cu:");
    CHECK(at != std::string::npos);
    int line = std::stoi(report.substr(at + std::strlen("planted.cu:")));
    FILE* source = std::fopen(PLANTED_FOLDER "/kernels/planted.cu", "r");
    CHECK(source != nullptr);
    char text[512] = "";
    for (int i = 0; i < line; i++) CHECK(std::fgets(text, sizeof text, source) != nullptr);
    std::fclose(source);
    CHECK(std::strstr(text, "values[(i + 33) % 128]") != nullptr, text);
}

TEST(defect_unwritten_global) {
    Gpu gpu;
    Buffer<float> in(32), out(32);
    CHECK_CUDA(gpu.launch("planted_unwritten_global", 1, 32, 0, in.address(), out.address()));
    CHECK(cuCtxSynchronize() == CUDA_ERROR_LAUNCH_FAILED);
    CHECK(last_report().rfind("unwritten-global-read:", 0) == 0, last_report());
    btrmEmuReset();
    Gpu again;
    Buffer<float> written(32), target(32);
    CHECK_CUDA(cuMemsetD32Async(written.address(), 0, 32, nullptr));
    CHECK_CUDA(again.launch("planted_unwritten_global", 1, 32, 0, written.address(), target.address()));
    CHECK_CUDA(cuCtxSynchronize());
}

TEST(defect_use_after_free) {
    Gpu gpu;
    Buffer<float> out(32);
    CUdeviceptr gone;
    CHECK_CUDA(cuMemAlloc_v2(&gone, 128));
    CHECK_CUDA(cuMemsetD32Async(gone, 0, 32, nullptr));
    CHECK_CUDA(cuMemFree_v2(gone));
    CHECK_CUDA(gpu.launch("planted_unwritten_global", 1, 32, 0, gone, out.address()));
    CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(last_report().rfind("use-after-free:", 0) == 0, last_report());
}

TEST(defect_host_pointer) {
    Gpu gpu;
    Buffer<float> out(32);
    std::vector<float> host(32);
    CHECK_CUDA(gpu.launch("planted_unwritten_global", 1, 32, 0, reinterpret_cast<CUdeviceptr>(host.data()), out.address()));
    CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(last_report().rfind("out-of-bounds-global:", 0) == 0, last_report());
}

TEST(defect_gap_between_tensors) {
    Gpu gpu;
    Buffer<float> arena(std::vector<float>(64)), out(32);
    CHECK_CUDA(btrmEmuMark(arena.address() + 31 * 4, 4, 2));
    CHECK_CUDA(gpu.launch("planted_unwritten_global", 1, 32, 0, arena.address(), out.address()));
    CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK(last_report().find("gap between tensors") != std::string::npos, last_report());
}

TEST(defect_double_free) {
    Gpu gpu;
    CUdeviceptr memory;
    CHECK_CUDA(cuMemAlloc_v2(&memory, 64));
    CHECK_CUDA(cuMemFree_v2(memory));
    CHECK(cuMemFree_v2(memory) == CUDA_ERROR_INVALID_VALUE);
    CHECK(last_report().rfind("double-free:", 0) == 0, last_report());
    CHECK(cuMemFree_v2(memory + 8) == CUDA_ERROR_INVALID_VALUE);
    CHECK(last_report().rfind("invalid-free:", 0) == 0, last_report());
}

TEST(defect_leak) {
    Gpu gpu;
    CUdeviceptr first, second;
    CHECK_CUDA(cuMemAlloc_v2(&first, 64));
    CHECK_CUDA(cuMemAlloc_v2(&second, 1000));
    CHECK_CUDA(cuMemFree_v2(first));
    CHECK(leak_report().rfind("leak: device allocation", 0) == 0 && leak_report().find("of 1000 bytes") != std::string::npos,
          leak_report());
    CHECK_CUDA(cuMemFree_v2(second));
    CHECK(leak_report().empty(), leak_report());
}

TEST(defect_leak_at_release) {
    {
        Gpu gpu;
        CUdeviceptr memory;
        CHECK_CUDA(cuMemAlloc_v2(&memory, 77));
    }
    CHECK(last_report().rfind("leak: device allocation", 0) == 0 && last_report().find("of 77 bytes") != std::string::npos,
          last_report());
}

TEST(defect_wrong_fragment_order) {
    // Row r of the product is r in every column. The defect puts each row into the place of the row eight further.
    for (int sound : {1, 0}) {
        Gpu gpu;
        Buffer<float> out(128);
        CHECK_CUDA(gpu.launch("planted_fragment_order", 1, 32, 0, out.address(), sound));
        std::vector<float> values = out.read();
        int wrong = 0, permuted = 0;
        for (int row = 0; row < 16; row++) {
            for (int column = 0; column < 8; column++) {
                // Eight of the sixteen k have the value of the row: two words of a, their lower halves, four lanes each.
                float value = values[std::size_t(row * 8 + column)];
                if (value != float(row * 8)) wrong++;
                if (value == float((row + 8) % 16 * 8)) permuted++;
            }
        }
        CHECK_EQUAL(wrong, sound != 0 ? 0 : 128);
        CHECK_EQUAL(permuted, sound != 0 ? 0 : 128);
    }
}

TEST(defect_is_sticky_until_reset) {
    Gpu gpu;
    {
        Buffer<float> out(100);
        CHECK_CUDA(gpu.launch("planted_global_bounds", 1, 128, 0, out.address(), 100, 0));
        CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
        CHECK(cuCtxSynchronize() == CUDA_ERROR_ILLEGAL_ADDRESS);
        CUdeviceptr memory;
        CHECK(cuMemAlloc_v2(&memory, 4) == CUDA_ERROR_ILLEGAL_ADDRESS);
    }
    CHECK(leak_report().empty(), leak_report());
    btrmEmuReset();
    CHECK_CUDA(cuCtxSynchronize());
}
