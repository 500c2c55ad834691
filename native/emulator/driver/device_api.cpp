// Device and context calls of the driver API.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emulator/defect.h"
#include "emulator/driver/limits.h"
#include "emulator/driver/state.h"
#include "emulator/global_memory.h"
#include "emulator/workers.h"

using emu::Context;
using emu::current_context;
using emu::Driver;

namespace {

constexpr int kDriverVersion = 12040;

struct Capability {
    unsigned architecture;
    int shared_per_sm, shared_per_block, threads_per_sm, blocks_per_sm;
};

// Table "Technical Specifications per Compute Capability" of the CUDA C++ programming guide.
constexpr Capability kCapabilities[] = {
    {80, 164 * 1024, 163 * 1024, 2048, 32}, {86, 100 * 1024, 99 * 1024, 1536, 16},   {89, 100 * 1024, 99 * 1024, 1536, 24},
    {90, 228 * 1024, 227 * 1024, 2048, 32}, {100, 228 * 1024, 227 * 1024, 2048, 32}, {120, 100 * 1024, 99 * 1024, 1536, 24},
};

const Capability& capability(unsigned architecture) {
    for (const Capability& entry : kCapabilities) {
        if (entry.architecture == architecture) return entry;
    }
    return kCapabilities[3];
}

CUresult require_device(int device) {
    if (!Driver::instance().initialised) return CUDA_ERROR_NOT_INITIALIZED;
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

#define EMU_DEVICE_CALL(device)                                    \
    Driver& driver = Driver::instance();                           \
    std::lock_guard<std::recursive_mutex> call_lock(driver.mutex); \
    if (CUresult ready = require_device(device); ready != CUDA_SUCCESS) return ready

}  // namespace

namespace emu {

unsigned architecture_from_environment() {
    const char* text = std::getenv("BTRM_EMULATOR_CAPABILITY");
    unsigned major = 0, minor = 0;
    if (text == nullptr || std::sscanf(text, "%u.%u", &major, &minor) != 2 || !is_known_architecture(10 * major + minor))
        return 90;
    return 10 * major + minor;
}

bool is_known_architecture(unsigned architecture) {
    return capability(architecture).architecture == architecture;
}

int shared_limit_per_block() {
    return capability(Driver::instance().architecture).shared_per_block;
}

int shared_per_multiprocessor() {
    return capability(Driver::instance().architecture).shared_per_sm;
}

int threads_per_multiprocessor() {
    return capability(Driver::instance().architecture).threads_per_sm;
}

int blocks_per_multiprocessor() {
    return capability(Driver::instance().architecture).blocks_per_sm;
}

}  // namespace emu

EMU_API CUresult cuInit(unsigned flags) {
    if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    driver.initialised = true;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDriverGetVersion(int* version) {
    if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *version = kDriverVersion;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGetCount(int* count) {
    EMU_DEVICE_CALL(0);
    if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGet(int* device, int ordinal) {
    EMU_DEVICE_CALL(0);
    if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0) return CUDA_ERROR_INVALID_DEVICE;
    *device = 0;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGetName(char* name, int length, int device) {
    EMU_DEVICE_CALL(device);
    if (name == nullptr || length < 1) return CUDA_ERROR_INVALID_VALUE;
    std::strncpy(name, "btrm emulator", static_cast<std::size_t>(length) - 1);
    name[length - 1] = '\0';
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
    EMU_DEVICE_CALL(device);
    if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *bytes = emu::GlobalMemory::instance().total_bytes();
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGetUuid_v2(unsigned char* uuid, int device) {
    EMU_DEVICE_CALL(device);
    if (uuid == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(uuid, "btrm-emulator-00", 16);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGetUuid(unsigned char* uuid, int device) {
    return cuDeviceGetUuid_v2(uuid, device);
}

EMU_API CUresult cuDeviceGetAttribute(int* value, int attribute, int device) {
    EMU_DEVICE_CALL(device);
    if (value == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const Capability& limits = capability(driver.architecture);
    switch (attribute) {
        case 1:
        case 2:
        case 3:
            *value = 1024;
            break;  // threads a block, block x and y
        case 4:
            *value = 64;
            break;  // block z
        case 5:
            *value = 2147483647;
            break;  // grid x
        case 6:
        case 7:
            *value = 65535;
            break;  // grid y and z
        case 8:
            *value = 48 * 1024;
            break;  // shared memory a block without opting in
        case 9:
            *value = 64 * 1024;
            break;  // constant memory
        case 10:
            *value = 32;
            break;  // warp size
        case 11:
            *value = 2147483647;
            break;  // pitch
        case 12:
        case 82:
            *value = 65536;
            break;  // registers a block and a multiprocessor
        case 13:
            *value = 1000000;
            break;  // clock in kHz
        case 14:
            *value = 512;
            break;  // texture alignment
        case 16:
            *value = static_cast<int>(emu::worker_count());
            break;  // multiprocessors
        case 19:
        case 31:
        case 41:
        case 78:
        case 101:
            *value = 1;
            break;  // map host memory, concurrent kernels, unified addresses,
                    // stream priorities, host register
        case 36:
            *value = 1000000;
            break;  // memory clock in kHz
        case 37:
            *value = 512;
            break;  // memory bus width in bits
        case 38:
            *value = 32 << 20;
            break;  // level 2 cache
        case 39:
            *value = limits.threads_per_sm;
            break;
        case 40:
            *value = 2;
            break;  // copy engines
        case 75:
            *value = static_cast<int>(driver.architecture / 10);
            break;
        case 76:
            *value = static_cast<int>(driver.architecture % 10);
            break;
        case 81:
            *value = limits.shared_per_sm;
            break;
        case 97:
            *value = limits.shared_per_block;
            break;  // shared memory a block after opting in
        case 106:
            *value = limits.blocks_per_sm;
            break;
        case 111:
            *value = 1024;
            break;  // shared memory reserved a block
        default:
            *value = 0;
            return attribute > 0 && attribute < 150 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDeviceGetPCIBusId(char* id, int length, int device) {
    EMU_DEVICE_CALL(device);
    if (id == nullptr || length < 13) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(id, "0000:00:00.0", 13);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDevicePrimaryCtxRetain(Context** context, int device) {
    EMU_DEVICE_CALL(device);
    if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (driver.primary == nullptr) driver.primary = std::make_unique<Context>(Context{true});
    driver.primary_retained++;
    *context = driver.primary.get();
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDevicePrimaryCtxReset_v2(int device) {
    EMU_DEVICE_CALL(device);
    driver.reset();
    driver.primary.reset();
    driver.primary_retained = 0;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDevicePrimaryCtxRelease_v2(int device) {
    EMU_DEVICE_CALL(device);
    if (driver.primary_retained == 0) return CUDA_ERROR_INVALID_CONTEXT;
    if (--driver.primary_retained > 0) return CUDA_SUCCESS;
    driver.run_all();
    // What the program never freed goes with the context, but not silently.
    if (std::string leaks = emu::GlobalMemory::instance().leak_report(); !leaks.empty()) emu::set_last_report(leaks);
    return cuDevicePrimaryCtxReset_v2(device);
}

EMU_API CUresult cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
    EMU_DEVICE_CALL(device);
    driver.primary_flags = flags;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
    EMU_DEVICE_CALL(device);
    if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *flags = driver.primary_flags;
    *active = driver.primary != nullptr ? 1 : 0;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxCreate_v2(Context** context, unsigned, int device) {
    EMU_DEVICE_CALL(device);
    if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Context>();
    *context = created.get();
    driver.contexts[*context] = std::move(created);
    current_context() = *context;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxDestroy_v2(Context* context) {
    EMU_DEVICE_CALL(0);
    if (!driver.contexts.contains(context)) return CUDA_ERROR_INVALID_CONTEXT;
    driver.run_all();
    driver.contexts.erase(context);
    if (current_context() == context) current_context() = nullptr;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxSetCurrent(Context* context) {
    EMU_DEVICE_CALL(0);
    if (context != nullptr && !driver.valid_context(context)) return CUDA_ERROR_INVALID_CONTEXT;
    current_context() = context;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxGetCurrent(Context** context) {
    EMU_DEVICE_CALL(0);
    if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *context = driver.valid_context(current_context()) ? current_context() : nullptr;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxGetDevice(int* device) {
    EMU_CALL();
    if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *device = 0;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxSynchronize() {
    EMU_CALL();
    return driver.run_all();
}
