// Stream capture and graphs of the driver API. A graph is the list of what was captured, in the order of the calls; a launch
// queues it as one operation.
#include "emulator/driver/state.h"

using emu::Driver;
using emu::Graph;
using emu::Operation;
using emu::Stream;

EMU_API CUresult cuStreamBeginCapture_v2(void* handle, int mode) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (mode < 0 || mode > 2) return CUDA_ERROR_INVALID_VALUE;
    if (stream == &driver.default_stream) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
    stream->capture = std::make_shared<Graph>();
    stream->capture_origin = true;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuStreamEndCapture(void* handle, Graph** graph) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (stream->capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
    if (!stream->capture_origin) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    std::shared_ptr<Graph> captured = stream->capture;
    for (auto& [other_handle, other] : driver.streams) {
        if (other->capture == captured) other->capture = nullptr;
    }
    stream->capture_origin = false;
    for (auto& [event_handle, event] : driver.events) {
        if (event->captured_in == captured) event->captured_in = nullptr;
    }
    *graph = captured.get();
    driver.graphs[*graph] = captured;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuStreamIsCapturing(void* handle, int* status) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (status == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *status = stream->capture != nullptr ? 1 : 0;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
    EMU_CALL();
    if (executable == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto entry = driver.graphs.find(graph);
    if (entry == driver.graphs.end()) return CUDA_ERROR_INVALID_HANDLE;
    auto created = std::make_shared<Graph>(*entry->second);
    *executable = created.get();
    driver.executables[*executable] = created;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuGraphLaunch(Graph* executable, void* handle) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    auto entry = driver.executables.find(executable);
    if (stream == nullptr || entry == driver.executables.end()) return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Graph> graph = entry->second;
    Operation operation;
    operation.run = [graph] {
        for (const Operation& captured : graph->operations) {
            if (CUresult result = captured.run(); result != CUDA_SUCCESS) return result;
        }
        return CUDA_SUCCESS;
    };
    return driver.enqueue(*stream, std::move(operation));
}

EMU_API CUresult cuGraphGetNodes(Graph* graph, void**, std::size_t* count) {
    EMU_CALL();
    auto entry = driver.graphs.find(graph);
    if (entry == driver.graphs.end()) return CUDA_ERROR_INVALID_HANDLE;
    if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *count = entry->second->operations.size();
    return CUDA_SUCCESS;
}

EMU_API CUresult cuGraphExecDestroy(Graph* executable) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    return driver.executables.erase(executable) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EMU_API CUresult cuGraphDestroy(Graph* graph) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    return driver.graphs.erase(graph) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}
