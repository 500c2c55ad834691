#include "emulator/ptx/machine.h"

#include <cctype>
#include <cstring>

#include "emulator/block.h"
#include "emulator/ptx/counts.h"
#include "emulator/ptx/cta.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {
namespace {

/// sm_90a runs on 9.0 alone; sm_80 on 8.0 and later; a family (sm_100f) on its members.
void check_target(const std::string& target, unsigned architecture) {
    unsigned wanted = 0;
    std::size_t at = target.find_first_of("0123456789");
    for (; at < target.size() && std::isdigit(static_cast<unsigned char>(target[at])) != 0; at++)
        wanted = wanted * 10 + static_cast<unsigned>(target[at] - '0');
    const char suffix = at < target.size() ? target[at] : '\0';
    const bool fits = suffix == 'a'   ? wanted == architecture
                      : suffix == 'f' ? wanted / 10 == architecture / 10 && wanted <= architecture
                                      : wanted <= architecture;
    if (!fits) {
        throw LoadError(LoadError::Kind::Target, "the text is for " + target + ", and the device has compute capability " +
                                                     std::to_string(architecture / 10) + "." + std::to_string(architecture % 10));
    }
}

thread_local Cluster* running = nullptr;

/// Reports of shared code (checks of global memory) come here, with the lane that the running warp has noted.
void take_report(Defect defect, const char* detail) {
    Warp* warp = running->running_warp;
    report(*warp, warp->lane, defect, "%s", detail);
}

}  // namespace

LoadedModule::LoadedModule(std::string text, unsigned architecture) : module_(parse_module(std::move(text))) {
    for (const auto& [name, function] : module_->functions) {
        if (!function->is_entry || !function->has_body) continue;
        auto entry = std::make_unique<Entry>();
        try {
            entry->program = Translator(*module_, *function).run();
        } catch (const LoadError& error) {
            throw LoadError(LoadError::Kind::Text, std::string(error.what()) + ", in kernel " + name);
        }
        Kernel& kernel = entry->kernel;
        kernel.name = entry->program->name.c_str();
        kernel.invoke = nullptr;
        kernel.max_threads = entry->program->max_threads;
        for (const ParameterPlace& place : entry->program->parameters)
            kernel.parameters.push_back({place.bytes, place.alignment});
        kernel.program = entry->program.get();
        entries_[name] = std::move(entry);
    }
    check_target(module_->target, architecture);
    for (const auto& [name, entry] : entries_) note_loaded(*entry->program);
}

const Kernel* LoadedModule::find(const std::string& name) const {
    auto entry = entries_.find(name);
    return entry == entries_.end() ? nullptr : &entry->second->kernel;
}

const Variable* LoadedModule::variable(const std::string& name) const {
    auto entry = module_->variables_by_name.find(name);
    return entry == module_->variables_by_name.end() || entry->second->space == Space::Shared ? nullptr : entry->second;
}

bool is_ptx(const void* image, std::string& text) {
    const char* at = static_cast<const char*>(image);
    // A comment may come first; then the version must.
    for (;;) {
        while (std::isspace(static_cast<unsigned char>(*at)) != 0) at++;
        if (at[0] != '/' || at[1] != '/') break;
        while (*at != '\0' && *at != '\n') at++;
    }
    if (std::strncmp(at, ".version", 8) != 0) return false;
    text = static_cast<const char*>(image);
    return true;
}

std::uint64_t cluster_count(const Launch& launch) {
    return launch.grid.count() / launch.work->cluster.count();
}

void run_cluster(Launch& launch, std::uint64_t number) {
    // One for each thread of the host, made at its first launch: it holds registers and shared memory.
    thread_local Cluster cluster;
    running = &cluster;
    report_hook = &take_report;
    cluster.run(launch, *launch.work, number);
    report_hook = nullptr;
}

}  // namespace emu::ptx
