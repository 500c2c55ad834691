// Stream and event calls of the driver API.
#include "emulator/driver/state.h"

using emu::Driver;
using emu::Event;
using emu::Mark;
using emu::Operation;
using emu::Stream;

namespace {

constexpr unsigned kStreamNonBlocking = 1;
constexpr unsigned kEventDisableTiming = 2;

Event* find_event(Driver& driver, Event* handle) {
    auto entry = driver.events.find(handle);
    return entry == driver.events.end() ? nullptr : entry->second.get();
}

CUresult synchronize(Driver& driver, Stream& stream) {
    if (stream.capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    return driver.run_until([&] { return stream.queue.empty(); });
}

}  // namespace

EMU_API CUresult cuStreamCreateWithPriority(Stream** stream, unsigned flags, int priority) {
    EMU_CALL();
    if (stream == nullptr || flags > kStreamNonBlocking) return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Stream>();
    created->blocking = flags != kStreamNonBlocking;
    created->priority = priority;
    created->number = static_cast<unsigned>(driver.streams.empty() ? 1 : 0);
    for (const auto& [handle, other] : driver.streams) created->number = std::max(created->number, other->number + 1);
    *stream = created.get();
    driver.streams[*stream] = std::move(created);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuStreamCreate(Stream** stream, unsigned flags) {
    return cuStreamCreateWithPriority(stream, flags, 0);
}

// The stream's work is still done; so the handle goes only when its queue is empty.
EMU_API CUresult cuStreamDestroy_v2(Stream* handle) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    CUresult ready = emu::require_context();
    if (ready != CUDA_SUCCESS && ready != driver.sticky) return ready;
    auto entry = driver.streams.find(handle);
    if (entry == driver.streams.end()) return CUDA_ERROR_INVALID_HANDLE;
    CUresult ran = driver.run_until([&] { return entry->second->queue.empty(); });
    driver.streams.erase(entry);
    return ran;
}

EMU_API CUresult cuStreamSynchronize(void* handle) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    return stream == nullptr ? CUDA_ERROR_INVALID_HANDLE : synchronize(driver, *stream);
}

// A query lets one queued operation run, so that a loop of queries ends.
EMU_API CUresult cuStreamQuery(void* handle) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (stream->queue.empty()) return CUDA_SUCCESS;
    driver.run_one();
    return driver.sticky != CUDA_SUCCESS ? driver.sticky : stream->queue.empty() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

EMU_API CUresult cuStreamGetPriority(void* handle, int* priority) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    if (stream == nullptr || priority == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    *priority = stream->priority;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
    EMU_CALL();
    if (least != nullptr) *least = 0;
    if (greatest != nullptr) *greatest = -5;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuStreamWaitEvent(void* handle, Event* event_handle, unsigned flags) {
    EMU_CALL();
    Stream* stream = driver.stream(handle);
    Event* event = find_event(driver, event_handle);
    if (stream == nullptr || event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (flags > 1) return CUDA_ERROR_INVALID_VALUE;
    if (event->captured_in != nullptr) {
        // The stream joins the capture that the event belongs to; the graph keeps the order of the calls.
        if (stream->capture == nullptr) stream->capture = event->captured_in;
        return stream->capture == event->captured_in ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    }
    if (stream->capture != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (event->mark == nullptr) return CUDA_SUCCESS;
    Operation operation;
    operation.wait_for = event->mark;
    return driver.enqueue(*stream, std::move(operation));
}

EMU_API CUresult cuEventCreate(Event** event, unsigned flags) {
    EMU_CALL();
    if (event == nullptr || flags > 7) return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Event>();
    created->timing = (flags & kEventDisableTiming) == 0;
    *event = created.get();
    driver.events[*event] = std::move(created);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuEventDestroy_v2(Event* handle) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    CUresult ready = emu::require_context();
    if (ready != CUDA_SUCCESS && ready != driver.sticky) return ready;
    return driver.events.erase(handle) == 1 ? ready : CUDA_ERROR_INVALID_HANDLE;
}

EMU_API CUresult cuEventRecord(Event* handle, void* stream_handle) {
    EMU_CALL();
    Stream* stream = driver.stream(stream_handle);
    Event* event = find_event(driver, handle);
    if (stream == nullptr || event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    event->captured_in = stream->capture;
    if (stream->capture != nullptr) return CUDA_SUCCESS;
    event->mark = std::make_shared<Mark>();
    Operation operation;
    operation.record = event->mark;
    return driver.enqueue(*stream, std::move(operation));
}

EMU_API CUresult cuEventQuery(Event* handle) {
    EMU_CALL();
    Event* event = find_event(driver, handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->captured_in != nullptr) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (event->mark == nullptr || event->mark->done) return CUDA_SUCCESS;
    driver.run_one();
    return driver.sticky != CUDA_SUCCESS ? driver.sticky : event->mark->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

EMU_API CUresult cuEventSynchronize(Event* handle) {
    EMU_CALL();
    Event* event = find_event(driver, handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (event->mark == nullptr) return CUDA_SUCCESS;
    std::shared_ptr<Mark> mark = event->mark;
    return driver.run_until([&] { return mark->done; });
}

EMU_API CUresult cuEventElapsedTime(float* milliseconds, Event* start_handle, Event* end_handle) {
    EMU_CALL();
    Event* start = find_event(driver, start_handle);
    Event* end = find_event(driver, end_handle);
    if (milliseconds == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (start == nullptr || end == nullptr || !start->timing || !end->timing || start->mark == nullptr || end->mark == nullptr) {
        return CUDA_ERROR_INVALID_HANDLE;
    }
    if (!start->mark->done || !end->mark->done) return CUDA_ERROR_NOT_READY;
    *milliseconds = std::chrono::duration<float, std::milli>(end->mark->time - start->mark->time).count();
    return CUDA_SUCCESS;
}

EMU_API CUresult cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* end) {
    return cuEventElapsedTime(milliseconds, start, end);
}
