// What the emulated driver knows: its context, streams, events and modules, and the work that has been queued but not run.
//
// Work is queued and runs late, when somebody waits for it (or when much has piled up), in a seeded order among streams:
// a program that forgets to wait reads old data here too.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "emulator/driver/image.h"
#include "emulator/driver/limits.h"
#include "emulator/driver/result.h"
#include "emulator/kernel_registry.h"
#include "emulator/ptx/machine.h"
#include "emulator/random.h"

namespace emu {

/// One use of an event: set when the record operation has run.
struct Mark {
    bool done = false;
    std::chrono::steady_clock::time_point time;
};

struct Operation {
    std::uint64_t sequence = 0;
    std::function<CUresult()> run;  // empty for waits and records
    std::shared_ptr<Mark> wait_for, record;
};

struct Graph {
    std::vector<Operation> operations;
};

struct Stream {
    std::deque<Operation> queue;
    /// Whether the stream orders itself with the default stream.
    bool blocking = true;
    int priority = 0;
    /// Order of creation, so that a seed chooses the same stream in every process.
    unsigned number = 0;
    /// The graph that operations are recorded into instead of being queued.
    std::shared_ptr<Graph> capture;
    bool capture_origin = false;
};

struct Event {
    bool timing = true;
    std::shared_ptr<Mark> mark;
    std::shared_ptr<Graph> captured_in;
};

struct Module {
    Image image;
    std::set<const Kernel*> functions;
    /// Of a module that came as PTX. Queued launches hold it too.
    std::shared_ptr<const ptx::LoadedModule> loaded;
};

/// Per function: what cuFuncSetAttribute changed.
struct FunctionState {
    std::uint32_t max_dynamic_shared = 48 * 1024;
};

struct Context {
    bool primary = false;
};

struct Counters {
    std::uint64_t launches = 0, blocks = 0, copies = 0, copied_bytes = 0, allocations = 0, frees = 0;
    std::uint64_t profiler_starts = 0, profiler_stops = 0;
};

class Driver {
public:
    Driver();
    static Driver& instance();

    /// Held by every call of the API.
    std::recursive_mutex mutex;

    bool initialised = false;
    int primary_retained = 0;
    unsigned primary_flags = 0;
    std::unique_ptr<Context> primary;
    std::map<Context*, std::unique_ptr<Context>> contexts;
    std::map<Stream*, std::unique_ptr<Stream>> streams;
    std::map<Event*, std::unique_ptr<Event>> events;
    std::map<Module*, std::unique_ptr<Module>> modules;
    std::map<Graph*, std::shared_ptr<Graph>> graphs, executables;
    std::map<const Kernel*, FunctionState> functions;
    Stream default_stream;

    /// The first failure of queued work; every later call returns it until the context is reset.
    CUresult sticky = CUDA_SUCCESS;
    bool eager = false;
    unsigned architecture = architecture_from_environment();
    std::uint64_t seed = 1;
    std::uint64_t launch_number = 0;
    Counters counters;

    bool valid_context(const Context* context) const;
    /// The stream of a handle: null and the two special handles are the default stream. Null when there is no such stream.
    Stream* stream(void* handle);

    /// Queues the operation, records it when the stream captures, or runs everything before it and then it in eager mode.
    CUresult enqueue(Stream& stream, Operation operation);
    /// Runs queued work until the predicate holds or there is none left. Returns the sticky error.
    CUresult run_until(const std::function<bool()>& done);
    CUresult run_all();
    /// Runs at most one queued operation.
    bool run_one();
    /// Forgets everything that belongs to the device.
    void reset();

private:
    bool runnable(const Stream& stream, const Operation& operation) const;
    std::uint64_t sequence_ = 0;
    Random random_;
};

/// The context that is current on this thread of the host, or null.
Context*& current_context();

/// CUDA_SUCCESS when the driver is initialised and a live context is current.
CUresult require_context();

/// Begins every call: initialised, current context, no sticky failure. The lock is held until the end of the call.
#define EMU_CALL()                                                 \
    emu::Driver& driver = emu::Driver::instance();                 \
    std::lock_guard<std::recursive_mutex> call_lock(driver.mutex); \
    if (CUresult ready = emu::require_context(); ready != CUDA_SUCCESS) return ready

#define EMU_API extern "C" __attribute__((visibility("default")))

}  // namespace emu
