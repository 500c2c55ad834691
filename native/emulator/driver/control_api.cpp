// The emulator's own calls, for tests: schedules, memory size, architecture, reports.
#include <cstring>
#include <string>

#include "emulator/defect.h"
#include "emulator/driver/limits.h"
#include "emulator/driver/state.h"
#include "emulator/global_memory.h"
#include "emulator/ptx/counts.h"

using emu::Driver;
using emu::GlobalMemory;

namespace {

/// Copies the text with its terminating zero, cut to the buffer; returns the length that it has uncut.
int give_text(const std::string& text, char* buffer, int capacity) {
    if (buffer != nullptr && capacity > 0) {
        std::size_t length = std::min(text.size(), static_cast<std::size_t>(capacity) - 1);
        std::memcpy(buffer, text.data(), length);
        buffer[length] = '\0';
    }
    return static_cast<int>(text.size());
}

#define EMU_LOCK()                       \
    Driver& driver = Driver::instance(); \
    std::lock_guard<std::recursive_mutex> lock(driver.mutex)

}  // namespace

/// Seed of all schedules from now on: order of blocks, warps, lanes and streams.
EMU_API void btrmEmuSetSeed(std::uint64_t seed) {
    EMU_LOCK();
    driver.seed = seed;
    driver.launch_number = 0;
}

/// Device memory that is free now, and in all.
EMU_API CUresult btrmEmuSetMemory(std::uint64_t free_bytes, std::uint64_t total_bytes) {
    EMU_LOCK();
    if (free_bytes > total_bytes) return CUDA_ERROR_INVALID_VALUE;
    GlobalMemory::instance().set_capacity(free_bytes, total_bytes);
    return CUDA_SUCCESS;
}

/// Architecture that the device reports: 80, 86, 89, 90, 100 or 120.
EMU_API CUresult btrmEmuSetArch(unsigned architecture) {
    EMU_LOCK();
    if (!emu::is_known_architecture(architecture)) return CUDA_ERROR_INVALID_VALUE;
    driver.architecture = architecture;
    return CUDA_SUCCESS;
}

/// 1 runs queued work at once, so that a launch returns its own error.
EMU_API void btrmEmuSetEager(int eager) {
    EMU_LOCK();
    driver.eager = eager != 0;
}

/// Text of the last defect: name, detail, kernel, block, thread, file and line, seed. Returns its length, 0 without one.
EMU_API int btrmEmuLastReport(char* buffer, int capacity) {
    return give_text(emu::last_report(), buffer, capacity);
}

/// Counts what launches of the PTX machine do, from nothing, or stops counting.
EMU_API void btrmEmuCountLaunches(int on) {
    emu::ptx::count_launches(on != 0);
}

/// A line of JSON for each kernel and target that ran.
EMU_API int btrmEmuLaunchCounts(char* buffer, int capacity) {
    return give_text(emu::ptx::counts_text(), buffer, capacity);
}

/// A line for each target, kernel and opcode of what was loaded: how often it was executed, its places in the text, those never
/// executed.
EMU_API int btrmEmuInstructionCoverage(char* buffer, int capacity) {
    return give_text(emu::ptx::coverage_text(), buffer, capacity);
}

/// One line for every allocation that is alive.
EMU_API int btrmEmuLeakReport(char* buffer, int capacity) {
    return give_text(GlobalMemory::instance().leak_report(), buffer, capacity);
}

/// Layout of a launch-argument structure: "bytes;field:offset:bytes;..."; length 0 when there is none of that name.
EMU_API int btrmEmuStructLayout(const char* name, char* buffer, int capacity) {
    return give_text(name == nullptr ? std::string() : emu::layout_text(name), buffer, capacity);
}

/// Names of all kernels, one a line.
EMU_API int btrmEmuKernelNames(char* buffer, int capacity) {
    std::string text;
    for (const std::string& name : emu::kernel_names()) text += name + "\n";
    return give_text(text, buffer, capacity);
}

/// Marks bytes of an allocation: 0 unwritten again, 1 written, 2 forbidden (a gap between tensors of one arena).
EMU_API CUresult btrmEmuMark(std::uint64_t address, std::uint64_t bytes, unsigned state) {
    EMU_LOCK();
    if (state > emu::kShadowForbidden || !GlobalMemory::instance().contains(address, bytes)) return CUDA_ERROR_INVALID_VALUE;
    driver.run_all();
    GlobalMemory::instance().mark(address, bytes, static_cast<std::uint8_t>(state));
    return CUDA_SUCCESS;
}

/// Six numbers since the last reset: launches, blocks, copies, bytes copied, allocations, frees.
EMU_API void btrmEmuCounters(std::uint64_t* values) {
    EMU_LOCK();
    const emu::Counters& counters = driver.counters;
    const std::uint64_t all[] = {counters.launches,     counters.blocks,      counters.copies,
                                 counters.copied_bytes, counters.allocations, counters.frees};
    std::memcpy(values, all, sizeof all);
}

/// Forgets queued work, streams, events, modules, memory, the sticky error and the last report. Contexts stay current.
EMU_API void btrmEmuReset() {
    EMU_LOCK();
    driver.reset();
    driver.counters = {};
    driver.launch_number = 0;
    emu::clear_last_report();
}
