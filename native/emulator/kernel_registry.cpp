#include "emulator/kernel_registry.h"

#include <map>
#include <memory>

namespace emu {
namespace {

struct Layout {
    std::size_t bytes;
    std::vector<FieldInfo> fields;
};

// Functions with local statics, because registrations run before main in an unknown order.
std::map<std::string, std::unique_ptr<Kernel>>& kernels() {
    static std::map<std::string, std::unique_ptr<Kernel>> all;
    return all;
}

std::map<std::string, Layout>& layouts() {
    static std::map<std::string, Layout> all;
    return all;
}

}  // namespace

void register_kernel(Kernel kernel) {
    std::string name = kernel.name;
    kernels()[name] = std::make_unique<Kernel>(std::move(kernel));
}

void register_layout(const char* name, std::size_t bytes, std::vector<FieldInfo> fields) {
    layouts()[name] = {bytes, std::move(fields)};
}

const Kernel* find_kernel(const std::string& name) {
    auto entry = kernels().find(name);
    return entry == kernels().end() ? nullptr : entry->second.get();
}

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (const auto& [name, kernel] : kernels()) names.push_back(name);
    return names;
}

std::string layout_text(const std::string& name) {
    auto entry = layouts().find(name);
    if (entry == layouts().end()) return {};
    std::string text = std::to_string(entry->second.bytes) + ";";
    for (const FieldInfo& field : entry->second.fields) {
        text += std::string(field.name) + ":" + std::to_string(field.offset) + ":" + std::to_string(field.bytes) + ";";
    }
    return text;
}

}  // namespace emu
