// The kernels that are linked into the emulator, by name. RM_KERNEL in common/launch.cuh fills the registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace emu {

namespace ptx {
struct Program;
}

struct ParameterInfo {
    std::uint32_t bytes, alignment;
};

struct Kernel {
    const char* name;
    void (*invoke)(void* const* parameters);
    std::vector<ParameterInfo> parameters;
    /// The bound that the kernel was declared with, in threads a block.
    unsigned max_threads;
    /// Of a kernel that came as PTX.
    const ptx::Program* program = nullptr;
};

/// One member of a launch-argument structure.
struct FieldInfo {
    const char* name;
    std::size_t offset, bytes;
};

void register_kernel(Kernel kernel);
void register_layout(const char* name, std::size_t bytes, std::vector<FieldInfo> fields);

/// The kernel of that name, or null. The pointer stays valid.
const Kernel* find_kernel(const std::string& name);
std::vector<std::string> kernel_names();
/// "bytes;field:offset:bytes;..." of a registered structure, empty when there is none of that name.
std::string layout_text(const std::string& name);

template <typename... Parameters>
std::vector<ParameterInfo> parameters_of(void (*)(Parameters...)) {
    static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied as bytes");
    return {{static_cast<std::uint32_t>(sizeof(Parameters)), static_cast<std::uint32_t>(alignof(Parameters))}...};
}

template <typename... Parameters, std::size_t... I>
void invoke_with(void (*kernel)(Parameters...), void* const* parameters, std::index_sequence<I...>) {
    kernel(*static_cast<const Parameters*>(parameters[I])...);
}

/// Calls the kernel with parameters as cuLaunchKernel takes them: one pointer a parameter.
template <auto kKernel>
void invoke(void* const* parameters) {
    [&]<typename... Parameters>(void (*kernel)(Parameters...)) {
        invoke_with(kernel, parameters, std::index_sequence_for<Parameters...>{});
    }(kKernel);
}

struct KernelRegistration {
    KernelRegistration(const char* name, void (*invoke)(void* const*), std::vector<ParameterInfo> parameters,
                       unsigned max_threads = 1024) {
        register_kernel({name, invoke, std::move(parameters), max_threads, nullptr});
    }
};

struct LayoutRegistration {
    LayoutRegistration(const char* name, std::size_t bytes, std::vector<FieldInfo> fields) {
        register_layout(name, bytes, std::move(fields));
    }
};

}  // namespace emu
