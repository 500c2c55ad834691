// The calls of NVML that btrm makes, answered for a GPU whose readings go round in a fixed cycle: the emulator stands for the
// whole of NVIDIA's user-mode libraries, so that what reads them runs in tests.
#include <atomic>
#include <cstring>

#include "emulator/driver/state.h"
#include "emulator/global_memory.h"

namespace {

enum NvmlResult : int { kSuccess = 0, kInvalidArgument = 2, kUninitialised = 1, kNotFound = 6 };

struct Utilisation {
    unsigned gpu, memory;
};

struct Memory {
    unsigned long long total, free, used;
};

std::atomic<int> initialised{0};
std::atomic<unsigned> readings{0};
char the_device;

// Three readings in turn, so that mean and largest differ.
unsigned in_turn(unsigned first, unsigned step) {
    return first + step * (readings.load() % 3);
}

NvmlResult check(const void* device, const void* result) {
    if (initialised.load() <= 0) return kUninitialised;
    return device == &the_device && result != nullptr ? kSuccess : kInvalidArgument;
}

}  // namespace

EMU_API int nvmlInit_v2() {
    initialised++;
    return kSuccess;
}

EMU_API int nvmlShutdown() {
    if (initialised.load() <= 0) return kUninitialised;
    initialised--;
    return kSuccess;
}

EMU_API int nvmlSystemGetDriverVersion(char* version, unsigned length) {
    if (version == nullptr || length < 9) return kInvalidArgument;
    std::memcpy(version, "emulated", 9);
    return kSuccess;
}

EMU_API int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
    if (initialised.load() <= 0) return kUninitialised;
    if (uuid == nullptr || device == nullptr) return kInvalidArgument;
    // The bytes of cuDeviceGetUuid, "btrm-emulator-00", as nvidia-smi would print them.
    if (std::strcmp(uuid, "GPU-6274726d-2d65-6d75-6c61-746f722d3030") != 0) return kNotFound;
    *device = &the_device;
    return kSuccess;
}

EMU_API int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* milliwatts) {
    if (NvmlResult bad = check(device, milliwatts); bad != kSuccess) return bad;
    *milliwatts = 700000;
    return kSuccess;
}

EMU_API int nvmlDeviceGetMaxClockInfo(void* device, int, unsigned* megahertz) {
    if (NvmlResult bad = check(device, megahertz); bad != kSuccess) return bad;
    *megahertz = 1980;
    return kSuccess;
}

EMU_API int nvmlDeviceGetUtilizationRates(void* device, Utilisation* rates) {
    if (NvmlResult bad = check(device, rates); bad != kSuccess) return bad;
    readings++;
    *rates = {in_turn(60, 15), in_turn(20, 10)};
    return kSuccess;
}

EMU_API int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
    if (NvmlResult bad = check(device, memory); bad != kSuccess) return bad;
    const emu::GlobalMemory& global = emu::GlobalMemory::instance();
    *memory = {global.total_bytes(), global.free_bytes(), global.total_bytes() - global.free_bytes()};
    return kSuccess;
}

EMU_API int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
    if (NvmlResult bad = check(device, milliwatts); bad != kSuccess) return bad;
    *milliwatts = in_turn(400000, 100000);
    return kSuccess;
}

EMU_API int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* celsius) {
    if (NvmlResult bad = check(device, celsius); bad != kSuccess) return bad;
    if (sensor != 0) return kInvalidArgument;
    *celsius = in_turn(50, 5);
    return kSuccess;
}

// Clocks of graphics, multiprocessors, memory and video, in this order.
EMU_API int nvmlDeviceGetClockInfo(void* device, int clock, unsigned* megahertz) {
    if (NvmlResult bad = check(device, megahertz); bad != kSuccess) return bad;
    if (clock < 0 || clock > 3) return kInvalidArgument;
    *megahertz = clock == 2 ? 3201 : in_turn(1500, 200);
    return kSuccess;
}
