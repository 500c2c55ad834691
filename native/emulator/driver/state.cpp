#include "emulator/driver/state.h"

#include <algorithm>
#include <cstdlib>

#include "emulator/driver/limits.h"
#include "emulator/global_memory.h"

namespace emu {
namespace {

// So much may pile up before work runs on its own.
constexpr std::size_t kQueueLimit = 512;

}  // namespace

Driver& Driver::instance() {
    static auto* driver = new Driver();
    return *driver;
}

Driver::Driver() {
    // BTRM_EMULATOR_ARCHITECTURE=80 plays another GPU without a test's calls.
    const char* text = std::getenv("BTRM_EMULATOR_ARCHITECTURE");
    const unsigned wanted = text == nullptr ? 0 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
    if (is_known_architecture(wanted)) architecture = wanted;
}

Context*& current_context() {
    thread_local Context* context = nullptr;
    return context;
}

bool Driver::valid_context(const Context* context) const {
    return context != nullptr && (context == primary.get() || contexts.contains(const_cast<Context*>(context)));
}

CUresult require_context() {
    const Driver& driver = Driver::instance();
    if (!driver.initialised) return CUDA_ERROR_NOT_INITIALIZED;
    Context* context = current_context();
    if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
    if (!driver.valid_context(context)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    return driver.sticky;
}

Stream* Driver::stream(void* handle) {
    // CU_STREAM_LEGACY is 1, CU_STREAM_PER_THREAD is 2.
    if (reinterpret_cast<std::uintptr_t>(handle) <= 2) return &default_stream;
    auto entry = streams.find(static_cast<Stream*>(handle));
    return entry == streams.end() ? nullptr : entry->second.get();
}

CUresult Driver::enqueue(Stream& stream, Operation operation) {
    if (stream.capture != nullptr) {
        stream.capture->operations.push_back(std::move(operation));
        return CUDA_SUCCESS;
    }
    operation.sequence = ++sequence_;
    stream.queue.push_back(std::move(operation));
    if (eager) return run_all();
    return stream.queue.size() > kQueueLimit ? run_until([&] { return stream.queue.size() <= kQueueLimit / 2; }) : CUDA_SUCCESS;
}

bool Driver::runnable(const Stream& stream, const Operation& operation) const {
    if (operation.wait_for != nullptr && !operation.wait_for->done) return false;
    auto precedes = [&](const Stream& other) {
        return !other.queue.empty() && other.queue.front().sequence < operation.sequence;
    };
    if (&stream == &default_stream) {
        for (const auto& [handle, other] : streams) {
            if (other->blocking && precedes(*other)) return false;
        }
        return true;
    }
    return !stream.blocking || !precedes(default_stream);
}

bool Driver::run_one() {
    std::vector<Stream*> ready;
    auto consider = [&](Stream& stream) {
        if (!stream.queue.empty() && runnable(stream, stream.queue.front())) ready.push_back(&stream);
    };
    consider(default_stream);
    for (auto& [handle, stream] : streams) consider(*stream);
    if (ready.empty()) return false;
    std::sort(ready.begin(), ready.end(), [](const Stream* a, const Stream* b) { return a->number < b->number; });
    Stream& chosen = *ready[random_.below(static_cast<std::uint32_t>(ready.size()))];
    Operation operation = std::move(chosen.queue.front());
    chosen.queue.pop_front();
    if (operation.run && sticky == CUDA_SUCCESS) sticky = operation.run();
    if (operation.record != nullptr) {
        operation.record->done = true;
        operation.record->time = std::chrono::steady_clock::now();
    }
    return true;
}

CUresult Driver::run_until(const std::function<bool()>& done) {
    random_.seed(mix(seed) ^ sequence_);
    while (!done() && run_one()) {
    }
    return sticky;
}

CUresult Driver::run_all() {
    return run_until([] { return false; });
}

void Driver::reset() {
    default_stream.queue.clear();
    default_stream.capture = nullptr;
    streams.clear();
    events.clear();
    modules.clear();
    graphs.clear();
    executables.clear();
    functions.clear();
    GlobalMemory::instance().free_all();
    sticky = CUDA_SUCCESS;
}

}  // namespace emu
