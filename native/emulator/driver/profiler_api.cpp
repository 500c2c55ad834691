// What a profiler sees: cuProfilerStart and cuProfilerStop, and the ranges of an NVTX 3 client that loads this library as its
// injection (NVTX_INJECTION64_PATH). Each event is a line of the file that BTRM_EMULATOR_PROFILE names: "profiler start",
// "profiler stop", or the name of a range that opens, indented by the number of ranges around it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>

#include "emulator/driver/state.h"

namespace {

// Numbers of the NVTX 3 interface between a client and a tool.
constexpr std::uint32_t kCallbackTable = 1, kVersionTable = 3;
constexpr int kCoreModule = 1;
constexpr unsigned kRangePushA = 9, kRangePop = 11;

struct CallbackTable {
    std::size_t bytes;
    int (*get_module)(int module, void**** table, unsigned* size);
};

struct VersionTable {
    std::size_t bytes;
    std::uint32_t version, reserved;
    void (*set_tool_version)(std::uint32_t version);
};

using GetExportTable = const void* (*)(std::uint32_t);

std::mutex mutex;
thread_local int depth = 0;

void write_line(const std::string& line) {
    const char* path = std::getenv("BTRM_EMULATOR_PROFILE");
    if (path == nullptr) return;
    std::lock_guard<std::mutex> lock(mutex);
    if (std::FILE* file = std::fopen(path, "a")) {
        std::fputs((line + "\n").c_str(), file);
        std::fclose(file);
    }
}

int push(const char* name) {
    write_line(std::string(static_cast<std::size_t>(depth), ' ') + name);
    return depth++;
}

// More pops than pushes is a mistake of the client's.
int pop() {
    if (depth == 0) write_line("pop without a range");
    return depth > 0 ? --depth : -1;
}

}  // namespace

EMU_API int InitializeInjectionNvtx2(GetExportTable get_table) {
    const auto* callbacks = static_cast<const CallbackTable*>(get_table(kCallbackTable));
    const auto* version = static_cast<const VersionTable*>(get_table(kVersionTable));
    if (callbacks == nullptr || callbacks->bytes < sizeof *callbacks || version == nullptr || version->version != 3) return 0;
    version->set_tool_version(3);
    void*** table = nullptr;
    unsigned size = 0;
    if (callbacks->get_module(kCoreModule, &table, &size) == 0 || size <= kRangePop) return 0;
    *table[kRangePushA] = reinterpret_cast<void*>(&push);
    *table[kRangePop] = reinterpret_cast<void*>(&pop);
    return 1;
}

EMU_API CUresult cuProfilerStart() {
    EMU_CALL();
    driver.counters.profiler_starts++;
    write_line("profiler start");
    return CUDA_SUCCESS;
}

EMU_API CUresult cuProfilerStop() {
    EMU_CALL();
    driver.counters.profiler_stops++;
    write_line("profiler stop");
    return CUDA_SUCCESS;
}

/// Starts and stops of the profiler since the last reset.
EMU_API void btrmEmuProfilerCounts(std::uint64_t* values) {
    emu::Driver& driver = emu::Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    values[0] = driver.counters.profiler_starts;
    values[1] = driver.counters.profiler_stops;
}
