// Memory calls of the driver API.
#include <cstring>
#include <memory>

#include "emulator/defect.h"
#include "emulator/driver/state.h"
#include "emulator/global_memory.h"

using emu::Driver;
using emu::GlobalMemory;
using emu::Operation;
using emu::Stream;

namespace {

using DevicePointer = unsigned long long;

GlobalMemory& memory() {
    return GlobalMemory::instance();
}

CUresult release(std::uint64_t address, bool pinned) {
    emu::Driver& driver = Driver::instance();
    switch (memory().free(address, pinned)) {
        case GlobalMemory::FreeResult::Done:
            driver.counters.frees++;
            return CUDA_SUCCESS;
        case GlobalMemory::FreeResult::Twice:
            emu::report_host(
                emu::Defect::DoubleFree, "the memory at 0x" + [&] {
                    char text[24];
                    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(address));
                    return std::string(text);
                }() + " has already been freed");
            return CUDA_ERROR_INVALID_VALUE;
        case GlobalMemory::FreeResult::NotAnAllocation:
            emu::report_host(emu::Defect::InvalidFree, "the address is no allocation's start");
            return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_ERROR_UNKNOWN;
}

bool is_pinned(const void* host) {
    auto found = memory().find(reinterpret_cast<std::uint64_t>(host));
    return found && found->pinned_host;
}

/// A copy to the device. Pageable memory is read now, as the driver stages it; pinned memory is read when the copy runs.
CUresult copy_to_device(Stream& stream, DevicePointer to, const void* from, std::size_t bytes) {
    Driver& driver = Driver::instance();
    if (bytes == 0) return CUDA_SUCCESS;
    if (from == nullptr || !memory().contains(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    driver.counters.copies++;
    driver.counters.copied_bytes += bytes;
    Operation operation;
    if (is_pinned(from)) {
        if (!memory().contains(reinterpret_cast<std::uint64_t>(from), bytes)) return CUDA_ERROR_INVALID_VALUE;
        operation.run = [=] {
            memory().copy_in(to, from, bytes);
            return CUDA_SUCCESS;
        };
    } else {
        auto staged = std::make_shared<std::vector<std::uint8_t>>(bytes);
        std::memcpy(staged->data(), from, bytes);
        operation.run = [=] {
            memory().copy_in(to, staged->data(), bytes);
            return CUDA_SUCCESS;
        };
    }
    return driver.enqueue(stream, std::move(operation));
}

CUresult copy_to_host(Stream& stream, void* to, DevicePointer from, std::size_t bytes) {
    Driver& driver = Driver::instance();
    if (bytes == 0) return CUDA_SUCCESS;
    if (to == nullptr || !memory().contains(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    bool pinned = is_pinned(to);
    if (pinned && !memory().contains(reinterpret_cast<std::uint64_t>(to), bytes)) return CUDA_ERROR_INVALID_VALUE;
    driver.counters.copies++;
    driver.counters.copied_bytes += bytes;
    Operation operation;
    operation.run = [=] {
        memory().copy_out(to, from, bytes);
        return CUDA_SUCCESS;
    };
    CUresult queued = driver.enqueue(stream, std::move(operation));
    // A copy into pageable memory returns when it is done.
    if (queued != CUDA_SUCCESS || pinned || stream.capture != nullptr) return queued;
    return driver.run_until([&] { return stream.queue.empty(); });
}

CUresult fill(Stream& stream, DevicePointer to, const void* pattern, unsigned pattern_bytes, std::size_t count) {
    if (to % pattern_bytes != 0 || !memory().contains(to, count * pattern_bytes)) return CUDA_ERROR_INVALID_VALUE;
    std::uint32_t value = 0;
    std::memcpy(&value, pattern, pattern_bytes);
    Operation operation;
    operation.run = [=] {
        memory().fill(to, &value, pattern_bytes, count);
        return CUDA_SUCCESS;
    };
    return Driver::instance().enqueue(stream, std::move(operation));
}

}  // namespace

#define EMU_STREAM(name, handle)          \
    Stream* name = driver.stream(handle); \
    if (name == nullptr) return CUDA_ERROR_INVALID_HANDLE

EMU_API CUresult cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total_bytes) {
    EMU_CALL();
    if (free_bytes == nullptr || total_bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *free_bytes = memory().free_bytes();
    *total_bytes = memory().total_bytes();
    return CUDA_SUCCESS;
}

EMU_API CUresult cuMemAlloc_v2(DevicePointer* pointer, std::size_t bytes) {
    EMU_CALL();
    if (pointer == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    *pointer = memory().allocate(bytes, false);
    if (*pointer == 0) return CUDA_ERROR_OUT_OF_MEMORY;
    driver.counters.allocations++;
    return CUDA_SUCCESS;
}

// Freeing waits for the device, and frees even when the context has failed, so that nothing counts as leaked after a defect.
EMU_API CUresult cuMemFree_v2(DevicePointer pointer) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    CUresult ready = emu::require_context();
    if (ready != CUDA_SUCCESS && ready != driver.sticky) return ready;
    if (pointer == 0) return ready;
    CUresult ran = driver.run_all();
    CUresult freed = release(pointer, false);
    return ran != CUDA_SUCCESS ? ran : freed;
}

EMU_API CUresult cuMemHostAlloc(void** pointer, std::size_t bytes, unsigned) {
    EMU_CALL();
    if (pointer == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    *pointer = reinterpret_cast<void*>(memory().allocate(bytes, true));
    return *pointer == nullptr ? CUDA_ERROR_OUT_OF_MEMORY : CUDA_SUCCESS;
}

EMU_API CUresult cuMemFreeHost(void* pointer) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    CUresult ready = emu::require_context();
    if (ready != CUDA_SUCCESS && ready != driver.sticky) return ready;
    CUresult ran = driver.run_all();
    CUresult freed = release(reinterpret_cast<std::uint64_t>(pointer), true);
    return ran != CUDA_SUCCESS ? ran : freed;
}

EMU_API CUresult cuMemHostGetDevicePointer_v2(DevicePointer* device, void* host, unsigned flags) {
    EMU_CALL();
    if (device == nullptr || flags != 0 || !is_pinned(host)) return CUDA_ERROR_INVALID_VALUE;
    *device = reinterpret_cast<DevicePointer>(host);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuMemcpyHtoDAsync_v2(DevicePointer to, const void* from, std::size_t bytes, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    return copy_to_device(*stream, to, from, bytes);
}

EMU_API CUresult cuMemcpyDtoHAsync_v2(void* to, DevicePointer from, std::size_t bytes, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    return copy_to_host(*stream, to, from, bytes);
}

EMU_API CUresult cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, std::size_t bytes, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    if (!memory().contains(to, bytes) || !memory().contains(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    driver.counters.copies++;
    driver.counters.copied_bytes += bytes;
    Operation operation;
    operation.run = [=] {
        memory().copy_within(to, from, bytes);
        return CUDA_SUCCESS;
    };
    return driver.enqueue(*stream, std::move(operation));
}

EMU_API CUresult cuMemcpyHtoD_v2(DevicePointer to, const void* from, std::size_t bytes) {
    EMU_CALL();
    CUresult queued = copy_to_device(driver.default_stream, to, from, bytes);
    return queued != CUDA_SUCCESS ? queued : driver.run_until([&] { return driver.default_stream.queue.empty(); });
}

EMU_API CUresult cuMemcpyDtoH_v2(void* to, DevicePointer from, std::size_t bytes) {
    EMU_CALL();
    CUresult queued = copy_to_host(driver.default_stream, to, from, bytes);
    return queued != CUDA_SUCCESS ? queued : driver.run_until([&] { return driver.default_stream.queue.empty(); });
}

EMU_API CUresult cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, std::size_t bytes) {
    CUresult queued = cuMemcpyDtoDAsync_v2(to, from, bytes, nullptr);
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    return queued != CUDA_SUCCESS ? queued : driver.run_until([&] { return driver.default_stream.queue.empty(); });
}

EMU_API CUresult cuMemsetD8Async(DevicePointer to, unsigned char value, std::size_t count, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    return fill(*stream, to, &value, 1, count);
}

EMU_API CUresult cuMemsetD16Async(DevicePointer to, unsigned short value, std::size_t count, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    return fill(*stream, to, &value, 2, count);
}

EMU_API CUresult cuMemsetD32Async(DevicePointer to, unsigned value, std::size_t count, void* handle) {
    EMU_CALL();
    EMU_STREAM(stream, handle);
    return fill(*stream, to, &value, 4, count);
}

EMU_API CUresult cuMemsetD8_v2(DevicePointer to, unsigned char value, std::size_t count) {
    return cuMemsetD8Async(to, value, count, nullptr);
}

EMU_API CUresult cuMemsetD32_v2(DevicePointer to, unsigned value, std::size_t count) {
    return cuMemsetD32Async(to, value, count, nullptr);
}
