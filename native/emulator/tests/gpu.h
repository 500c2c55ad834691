// The driver API as the tests use it: the calls, and a few objects that check every result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/driver/result.h"
#include "emulator/tests/test.h"

using CUdeviceptr = unsigned long long;

struct CUlaunchConfig {
    unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
    void* stream;
    const void* attributes;
    unsigned attribute_count;
};

extern "C" {
CUresult cuInit(unsigned flags);
CUresult cuDriverGetVersion(int* version);
CUresult cuDeviceGetCount(int* count);
CUresult cuDeviceGet(int* device, int ordinal);
CUresult cuDeviceGetName(char* name, int length, int device);
CUresult cuDeviceGetAttribute(int* value, int attribute, int device);
CUresult cuDevicePrimaryCtxRetain(void** context, int device);
CUresult cuDevicePrimaryCtxRelease_v2(int device);
CUresult cuCtxSetCurrent(void* context);
CUresult cuCtxGetCurrent(void** context);
CUresult cuCtxSynchronize();
CUresult cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total_bytes);
CUresult cuMemAlloc_v2(CUdeviceptr* pointer, std::size_t bytes);
CUresult cuMemFree_v2(CUdeviceptr pointer);
CUresult cuMemHostAlloc(void** pointer, std::size_t bytes, unsigned flags);
CUresult cuMemFreeHost(void* pointer);
CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes);
CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes);
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes, void* stream);
CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes, void* stream);
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, void* stream);
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, std::size_t count, void* stream);
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, std::size_t count, void* stream);
CUresult cuStreamCreate(void** stream, unsigned flags);
CUresult cuStreamDestroy_v2(void* stream);
CUresult cuStreamSynchronize(void* stream);
CUresult cuStreamQuery(void* stream);
CUresult cuStreamWaitEvent(void* stream, void* event, unsigned flags);
CUresult cuStreamBeginCapture_v2(void* stream, int mode);
CUresult cuStreamEndCapture(void* stream, void** graph);
CUresult cuGraphInstantiateWithFlags(void** executable, void* graph, unsigned long long flags);
CUresult cuGraphLaunch(void* executable, void* stream);
CUresult cuGraphExecDestroy(void* executable);
CUresult cuGraphDestroy(void* graph);
CUresult cuEventCreate(void** event, unsigned flags);
CUresult cuEventRecord(void* event, void* stream);
CUresult cuEventQuery(void* event);
CUresult cuEventSynchronize(void* event);
CUresult cuEventElapsedTime(float* milliseconds, void* start, void* end);
CUresult cuEventDestroy_v2(void* event);
CUresult cuModuleLoadData(void** module, const void* image);
CUresult cuModuleUnload(void* module);
CUresult cuModuleGetFunction(void** function, void* module, const char* name);
CUresult cuFuncGetAttribute(int* value, int attribute, void* function);
CUresult cuFuncSetAttribute(void* function, int attribute, int value);
CUresult cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                        unsigned block_z, unsigned shared_bytes, void* stream, void** parameters, void** extra);
CUresult cuLaunchKernelEx(const CUlaunchConfig* config, void* function, void** parameters, void** extra);
CUresult cuTensorMapEncodeTiled(void* map, int type, unsigned rank, CUdeviceptr address, const std::uint64_t* sizes,
                                const std::uint64_t* strides, const std::uint32_t* box, const std::uint32_t* steps,
                                int interleave, int swizzle, int promotion, int fill);
CUresult cuGetErrorName(int code, const char** name);
CUresult cuGetErrorString(int code, const char** text);
CUresult cuGetProcAddress_v2(const char* symbol, void** function, int version, unsigned long long flags, int* status);
void btrmEmuSetSeed(std::uint64_t seed);
CUresult btrmEmuSetMemory(std::uint64_t free_bytes, std::uint64_t total_bytes);
CUresult btrmEmuSetArch(unsigned architecture);
void btrmEmuSetEager(int eager);
int btrmEmuLastReport(char* buffer, int capacity);
int btrmEmuLeakReport(char* buffer, int capacity);
int btrmEmuStructLayout(const char* name, char* buffer, int capacity);
CUresult btrmEmuMark(std::uint64_t address, std::uint64_t bytes, unsigned state);
void btrmEmuCounters(std::uint64_t* values);
void btrmEmuReset();
}

#define CHECK_CUDA(call) CHECK_EQUAL(static_cast<int>(call), 0)

namespace test {

/// A fresh device for one test: everything before is forgotten, the primary context is current.
class Gpu {
public:
    explicit Gpu(std::uint64_t seed = 1);
    ~Gpu();
    Gpu(const Gpu&) = delete;
    Gpu& operator=(const Gpu&) = delete;

    void* function(const char* name);
    /// Launches on the default stream; does not wait.
    template <typename... Parameters>
    CUresult launch(const char* name, unsigned grid, unsigned block, unsigned shared_bytes, Parameters... parameters) {
        void* pointers[] = {static_cast<void*>(&parameters)..., nullptr};
        return launch_with(name, grid, 1, block, shared_bytes, pointers);
    }
    CUresult launch_with(const char* name, unsigned grid_x, unsigned grid_y, unsigned block, unsigned shared_bytes,
                         void** parameters);

private:
    void* module_ = nullptr;
};

std::string last_report();
std::string leak_report();

/// Device memory with values of a type; freed with the object.
template <typename T>
class Buffer {
public:
    explicit Buffer(std::size_t count) : count_(count) { CHECK_CUDA(cuMemAlloc_v2(&address_, count * sizeof(T))); }
    explicit Buffer(const std::vector<T>& values) : Buffer(values.size()) {
        CHECK_CUDA(cuMemcpyHtoD_v2(address_, values.data(), values.size() * sizeof(T)));
    }
    ~Buffer() { cuMemFree_v2(address_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    CUdeviceptr address() const { return address_; }
    std::vector<T> read() const {
        std::vector<T> values(count_);
        CHECK_CUDA(cuMemcpyDtoH_v2(values.data(), address_, count_ * sizeof(T)));
        return values;
    }

private:
    std::size_t count_;
    CUdeviceptr address_ = 0;
};

std::uint16_t to_bf16(float value);
float from_bf16(std::uint16_t bits);

/// `count` numbers in (-1, 1), rounded to bfloat16 when asked; the same for the same seed.
std::vector<float> random_values(std::size_t count, std::uint64_t seed, bool rounded);
std::vector<std::uint16_t> to_bf16(const std::vector<float>& values);
std::vector<float> from_bf16(const std::vector<std::uint16_t>& bits);

/// Fails when a value differs from its reference by more than relative * (|reference| + scale), or is NaN.
void check_close(const char* what, const std::vector<float>& actual, const std::vector<double>& expected, double relative,
                 double scale);

}  // namespace test
