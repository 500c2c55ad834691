// The PTX machine as the driver uses it: modules made from text, launches run by clusters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "emulator/kernel_registry.h"
#include "emulator/ptx/program.h"
#include "emulator/ptx/syntax.h"

namespace emu {
struct Launch;
}

namespace emu::ptx {

/// A module of the driver: the text, and each kernel that has been asked for, ready to run.
class LoadedModule {
public:
    /// Takes PTX. Everything is translated at once, so that an instruction which this machine lacks is an error here; throws
    /// LoadError.
    LoadedModule(std::string text, unsigned architecture);

    /// The kernel of that name, or null. It lives as long as the module.
    const Kernel* find(const std::string& name) const;
    /// The address and bytes of a .global or .const variable; null when there is none.
    const Variable* variable(const std::string& name) const;

private:
    struct Entry {
        std::unique_ptr<Program> program;
        Kernel kernel;
    };
    std::unique_ptr<Module> module_;
    std::map<std::string, std::unique_ptr<Entry>> entries_;
};

/// Whether an image is PTX text, or a fatbin that holds such; the text is then in `text`.
bool is_ptx(const void* image, std::string& text);

std::uint64_t cluster_count(const Launch& launch);
/// Runs one cluster of the launch on the calling thread.
void run_cluster(Launch& launch, std::uint64_t number);

}  // namespace emu::ptx
