// Module, function and launch calls of the driver API. Every module holds the kernels that are linked into the emulator.
#include <cstring>
#include <memory>

#include "emulator/block.h"
#include "emulator/defect.h"
#include "emulator/driver/limits.h"
#include "emulator/driver/state.h"
#include "emulator/ptx/cta.h"
#include "emulator/shared_memory.h"
#include "emulator/workers.h"

using emu::Dim3;
using emu::Driver;
using emu::Kernel;
using emu::Module;
using emu::Operation;
using emu::Stream;

namespace {

// CUfunction_attribute
constexpr int kMaxThreadsPerBlock = 0, kRegisters = 4, kPtxVersion = 5, kBinaryVersion = 6, kMaxDynamicShared = 8,
              kSharedCarveout = 9, kLastFunctionAttribute = 15;
// CUlaunchAttributeID
constexpr int kAttributeClusterDimension = 4;
// CUjit_option
constexpr int kErrorLogBuffer = 5, kErrorLogBytes = 6;
// Markers of the `extra` argument
void* const kParameterEnd = nullptr;
void* const kParameterBuffer = reinterpret_cast<void*>(1);
void* const kParameterBufferSize = reinterpret_cast<void*>(2);

struct LaunchAttribute {
    int id;
    char pad[4];
    unsigned value[16];
};

struct LaunchConfig {
    unsigned grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
    void* stream;
    const LaunchAttribute* attributes;
    unsigned attribute_count;
};

bool is_function(const Driver& driver, const Kernel* kernel) {
    for (const auto& [handle, module] : driver.modules) {
        if (module->functions.contains(kernel)) return true;
    }
    return false;
}

/// The parameters of one launch, copied when it is queued.
struct Parameters {
    // That of tensor maps.
    static constexpr std::size_t kMaxAlignment = 64;

    std::vector<std::uint64_t> storage;
    std::vector<void*> pointers;
    emu::ptx::Work work;
    std::shared_ptr<const emu::ptx::LoadedModule> module;

    explicit Parameters(const Kernel& kernel) {
        std::size_t bytes = 0;
        for (const auto& parameter : kernel.parameters) bytes = place(bytes, parameter) + parameter.bytes;
        storage.resize((bytes + kMaxAlignment) / 8 + 1);
        const std::uintptr_t first =
            (reinterpret_cast<std::uintptr_t>(storage.data()) + kMaxAlignment - 1) / kMaxAlignment * kMaxAlignment;
        bytes = 0;
        for (const auto& parameter : kernel.parameters) {
            bytes = place(bytes, parameter);
            pointers.push_back(reinterpret_cast<char*>(first) + bytes);
            bytes += parameter.bytes;
        }
        bytes_ = bytes;
        first_ = reinterpret_cast<const std::uint8_t*>(first);
    }

    /// All parameters in one piece, as the parameter space of PTX has them.
    std::vector<std::uint8_t> packed() const { return {first_, first_ + bytes_}; }

    static std::size_t place(std::size_t offset, const emu::ParameterInfo& parameter) {
        return (offset + parameter.alignment - 1) / parameter.alignment * parameter.alignment;
    }

private:
    const std::uint8_t* first_ = nullptr;
    std::size_t bytes_ = 0;
};

bool copy_parameters(const Kernel& kernel, void* const* parameters, void* const* extra, Parameters& copy) {
    if (kernel.parameters.empty()) return true;
    if (parameters != nullptr) {
        for (std::size_t i = 0; i < kernel.parameters.size(); i++) {
            if (parameters[i] == nullptr) return false;
            std::memcpy(copy.pointers[i], parameters[i], kernel.parameters[i].bytes);
        }
        return true;
    }
    const char* buffer = nullptr;
    std::size_t buffer_bytes = 0;
    for (; extra != nullptr && *extra != kParameterEnd; extra += 2) {
        if (*extra == kParameterBuffer) buffer = static_cast<const char*>(extra[1]);
        if (*extra == kParameterBufferSize) buffer_bytes = *static_cast<const std::size_t*>(extra[1]);
    }
    if (buffer == nullptr) return false;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < kernel.parameters.size(); i++) {
        offset = Parameters::place(offset, kernel.parameters[i]);
        if (offset + kernel.parameters[i].bytes > buffer_bytes) return false;
        std::memcpy(copy.pointers[i], buffer + offset, kernel.parameters[i].bytes);
        offset += kernel.parameters[i].bytes;
    }
    return true;
}

/// What a kernel that came as PTX needs beside: checks its declarations against the launch.
CUresult prepare(const Driver& driver, const Kernel& kernel, Dim3 grid, Dim3 block, Dim3 cluster, unsigned shared_bytes,
                 Parameters& copy) {
    const emu::ptx::Program& program = *kernel.program;
    if (program.required_threads != 0 && block.count() != program.required_threads) return CUDA_ERROR_INVALID_VALUE;
    if (cluster.count() == 1 && program.cluster_size > 1) cluster = {program.cluster_size, 1, 1};
    if (cluster.count() > 16 || grid.x % cluster.x != 0 || grid.y % cluster.y != 0 || grid.z % cluster.z != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (cluster.count() > 1 && driver.architecture < 90) return CUDA_ERROR_INVALID_VALUE;
    const unsigned static_bytes = program.dynamic_shared_start - emu::ptx::kFirstShared;
    if (static_bytes + shared_bytes > static_cast<unsigned>(emu::shared_limit_per_block())) return CUDA_ERROR_INVALID_VALUE;
    copy.work = {&program, copy.packed(), cluster, shared_bytes, driver.architecture};
    for (const auto& [handle, module] : driver.modules) {
        if (module->functions.contains(&kernel)) copy.module = module->loaded;
    }
    return CUDA_SUCCESS;
}

CUresult launch(const Kernel* kernel, Dim3 grid, Dim3 block, Dim3 cluster, unsigned shared_bytes, void* stream_handle,
                void* const* parameters, void* const* extra) {
    EMU_CALL();
    if (kernel == nullptr || !is_function(driver, kernel)) return CUDA_ERROR_INVALID_HANDLE;
    if (kernel->program == nullptr && cluster.count() > 1) return CUDA_ERROR_NOT_SUPPORTED;
    Stream* stream = driver.stream(stream_handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (grid.count() == 0 || grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535) return CUDA_ERROR_INVALID_VALUE;
    if (block.count() == 0 || block.count() > emu::kMaxThreads || block.z > 64) return CUDA_ERROR_INVALID_VALUE;
    if (block.count() > kernel->max_threads) return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
    if (shared_bytes > driver.functions[kernel].max_dynamic_shared) return CUDA_ERROR_INVALID_VALUE;
    auto copy = std::make_shared<Parameters>(*kernel);
    if (!copy_parameters(*kernel, parameters, extra, *copy)) return CUDA_ERROR_INVALID_VALUE;
    if (kernel->program != nullptr) {
        CUresult prepared = prepare(driver, *kernel, grid, block, cluster, shared_bytes, *copy);
        if (prepared != CUDA_SUCCESS) return prepared;
    }

    driver.counters.launches++;
    driver.counters.blocks += grid.count();
    Operation operation;
    operation.run = [=, &driver] {
        emu::Launch run;
        run.name = kernel->name;
        run.invoke = kernel->invoke;
        run.parameters = copy->pointers.data();
        run.grid = grid;
        run.block = block;
        run.dynamic_shared = shared_bytes;
        run.work = kernel->program != nullptr ? &copy->work : nullptr;
        run.seed = emu::mix(driver.seed) + driver.launch_number++;
        emu::run_blocks(run);
        if (run.failed) emu::set_last_report(run.text() + ", seed " + std::to_string(driver.seed));
        return static_cast<CUresult>(run.error());
    };
    return driver.enqueue(*stream, std::move(operation));
}

/// Puts the text into the caller's buffer for errors, when there is one.
void give_log(const std::string& text, unsigned options, const int* names, void** values) {
    char* buffer = nullptr;
    std::size_t bytes = 0;
    for (unsigned i = 0; i < options; i++) {
        if (names[i] == kErrorLogBuffer) buffer = static_cast<char*>(values[i]);
        if (names[i] == kErrorLogBytes) bytes = static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(values[i]));
    }
    if (buffer == nullptr || bytes == 0) return;
    const std::size_t length = std::min(text.size(), bytes - 1);
    std::memcpy(buffer, text.data(), length);
    buffer[length] = '\0';
}

}  // namespace

EMU_API CUresult cuModuleLoadDataEx(Module** module, const void* image, unsigned options, int* names, void** values) {
    EMU_CALL();
    if (module == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto created = std::make_unique<Module>();
    std::string text;
    if (emu::ptx::is_ptx(image, text)) {
        try {
            created->loaded = std::make_shared<const emu::ptx::LoadedModule>(std::move(text), driver.architecture);
        } catch (const emu::ptx::LoadError& error) {
            emu::set_last_report(std::string("invalid-ptx: ") + error.what());
            give_log(error.what(), options, names, values);
            return error.kind == emu::ptx::LoadError::Kind::Target ? CUDA_ERROR_NO_BINARY_FOR_GPU : CUDA_ERROR_INVALID_PTX;
        }
    } else if (CUresult read = emu::read_image(image, driver.architecture, created->image); read != CUDA_SUCCESS) {
        return read;
    }
    *module = created.get();
    driver.modules[*module] = std::move(created);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuModuleLoadData(Module** module, const void* image) {
    return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

EMU_API CUresult cuModuleUnload(Module* module) {
    Driver& driver = Driver::instance();
    std::lock_guard<std::recursive_mutex> lock(driver.mutex);
    CUresult ready = emu::require_context();
    if (ready != CUDA_SUCCESS && ready != driver.sticky) return ready;
    CUresult ran = driver.run_all();
    if (auto entry = driver.modules.find(module); entry != driver.modules.end() && entry->second->loaded != nullptr) {
        for (const Kernel* kernel : entry->second->functions) driver.functions.erase(kernel);
    }
    return driver.modules.erase(module) == 1 ? ran : CUDA_ERROR_INVALID_HANDLE;
}

EMU_API CUresult cuModuleGetFunction(const Kernel** function, Module* module, const char* name) {
    EMU_CALL();
    if (function == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto entry = driver.modules.find(module);
    if (entry == driver.modules.end()) return CUDA_ERROR_INVALID_HANDLE;
    const Module& from = *entry->second;
    *function = from.loaded != nullptr ? from.loaded->find(name) : from.image.holds(name) ? emu::find_kernel(name) : nullptr;
    if (*function == nullptr) return CUDA_ERROR_NOT_FOUND;
    entry->second->functions.insert(*function);
    return CUDA_SUCCESS;
}

// Only modules that came as PTX have global variables.
EMU_API CUresult cuModuleGetGlobal_v2(unsigned long long* address, std::size_t* bytes, Module* module, const char* name) {
    EMU_CALL();
    if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
    auto entry = driver.modules.find(module);
    if (entry == driver.modules.end()) return CUDA_ERROR_INVALID_HANDLE;
    const auto* found = entry->second->loaded != nullptr ? entry->second->loaded->variable(name) : nullptr;
    if (found == nullptr) return CUDA_ERROR_NOT_FOUND;
    if (address != nullptr) *address = found->address;
    if (bytes != nullptr) *bytes = found->bytes;
    return CUDA_SUCCESS;
}

EMU_API CUresult cuFuncGetAttribute(int* value, int attribute, const Kernel* kernel) {
    EMU_CALL();
    if (value == nullptr || attribute < 0 || attribute > kLastFunctionAttribute) return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(driver, kernel)) return CUDA_ERROR_INVALID_HANDLE;
    switch (attribute) {
        case kMaxThreadsPerBlock:
            *value = static_cast<int>(kernel->max_threads);
            break;
        case kRegisters:
            *value = 32;
            break;
        case kPtxVersion:
        case kBinaryVersion:
            *value = static_cast<int>(driver.architecture);
            break;
        case kMaxDynamicShared:
            *value = static_cast<int>(driver.functions[kernel].max_dynamic_shared);
            break;
        default:
            *value = 0;
            break;
    }
    return CUDA_SUCCESS;
}

EMU_API CUresult cuFuncSetAttribute(const Kernel* kernel, int attribute, int value) {
    EMU_CALL();
    if (!is_function(driver, kernel)) return CUDA_ERROR_INVALID_HANDLE;
    if (attribute == kSharedCarveout) return CUDA_SUCCESS;
    if (attribute != kMaxDynamicShared || value < 0 || value > emu::shared_limit_per_block()) return CUDA_ERROR_INVALID_VALUE;
    driver.functions[kernel].max_dynamic_shared = static_cast<unsigned>(value);
    return CUDA_SUCCESS;
}

EMU_API CUresult cuFuncSetCacheConfig(const Kernel* kernel, int) {
    EMU_CALL();
    return is_function(driver, kernel) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EMU_API CUresult cuLaunchKernel(const Kernel* kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                                unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream, void** parameters,
                                void** extra) {
    return launch(kernel, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {1, 1, 1}, shared_bytes, stream, parameters,
                  extra);
}

EMU_API CUresult cuLaunchKernelEx(const LaunchConfig* config, const Kernel* kernel, void** parameters, void** extra) {
    if (config == nullptr) return CUDA_ERROR_INVALID_VALUE;
    Dim3 cluster{1, 1, 1};
    for (unsigned i = 0; i < config->attribute_count; i++) {
        const LaunchAttribute& attribute = config->attributes[i];
        if (attribute.id == kAttributeClusterDimension) cluster = {attribute.value[0], attribute.value[1], attribute.value[2]};
    }
    if (cluster.count() == 0) return CUDA_ERROR_INVALID_VALUE;
    return launch(kernel, {config->grid_x, config->grid_y, config->grid_z}, {config->block_x, config->block_y, config->block_z},
                  cluster, config->shared_bytes, config->stream, parameters, extra);
}

EMU_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const Kernel* kernel, int block_threads,
                                                             std::size_t shared_bytes) {
    EMU_CALL();
    if (blocks == nullptr || block_threads < 1) return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(driver, kernel)) return CUDA_ERROR_INVALID_HANDLE;
    int by_threads = emu::threads_per_multiprocessor() / ((block_threads + 31) / 32 * 32);
    int by_shared = emu::shared_per_multiprocessor() / static_cast<int>(shared_bytes + 1024);
    *blocks = std::min({by_threads, by_shared, emu::blocks_per_multiprocessor()});
    return CUDA_SUCCESS;
}
