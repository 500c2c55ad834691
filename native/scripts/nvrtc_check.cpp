// Compiles kernels with NVRTC for several architectures, without a GPU, and reports what ptxas says of each: registers, shared
// memory, spills, local memory. Fails when a kernel does not compile, compiles with a warning, or is hot and spills. A line of
// the hot list is a kernel's name, and the architectures that alone have it, if not all do.
//
//   nvrtc_check LIBNVRTC KERNEL_FOLDER COMMON_FOLDER HOT_LIST OUTPUT_FOLDER [ARCHITECTURE ...]
//
// Writes OUTPUT_FOLDER/<architecture>/<file>.cubin and prints one JSON object a kernel and architecture.
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// The condition under which a file for Hopper alone has kernels.
const std::string kHopperOnly = "defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)";

using Program = struct ProgramObject*;

struct Nvrtc {
    int (*version)(int*, int*);
    int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*);
    int (*compile)(Program, int, const char* const*);
    int (*log_size)(Program, std::size_t*);
    int (*log)(Program, char*);
    int (*cubin_size)(Program, std::size_t*);
    int (*cubin)(Program, char*);
    int (*destroy)(Program*);
};

[[noreturn]] void give_up(const std::string& text) {
    std::fprintf(stderr, "nvrtc_check: %s\n", text.c_str());
    std::exit(2);
}

template <typename Function>
void bind(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) give_up(std::string("the library has no ") + name);
}

Nvrtc load(const char* path) {
    void* library = dlopen(path, RTLD_NOW);
    if (library == nullptr) give_up(dlerror());
    Nvrtc nvrtc;
    bind(library, "nvrtcVersion", nvrtc.version);
    bind(library, "nvrtcCreateProgram", nvrtc.create);
    bind(library, "nvrtcCompileProgram", nvrtc.compile);
    bind(library, "nvrtcGetProgramLogSize", nvrtc.log_size);
    bind(library, "nvrtcGetProgramLog", nvrtc.log);
    bind(library, "nvrtcGetCUBINSize", nvrtc.cubin_size);
    bind(library, "nvrtcGetCUBIN", nvrtc.cubin);
    bind(library, "nvrtcDestroyProgram", nvrtc.destroy);
    return nvrtc;
}

std::string read_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) give_up("cannot read " + path.string());
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_in(const fs::path& folder, const char* extension) {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

struct Usage {
    std::string kernel, architecture;
    /// ptxas serialised the kernel's wgmma: it touches accumulators that are in flight.
    bool serialized = false;
    int registers = -1, shared = 0, stack = 0, spill_stores = 0, spill_loads = 0;
};

/// Reads ptxas's report: for each entry function a line with stack and spills, then one with registers and memory.
std::vector<Usage> parse(const std::string& log) {
    static const std::regex entry("Compiling entry function '([^']+)' for '([^']+)'");
    static const std::regex spills("(\\d+) bytes stack frame, (\\d+) bytes spill stores, (\\d+) bytes spill loads");
    static const std::regex registers("Used (\\d+) registers"), shared("(\\d+) bytes smem");
    static const std::regex serialized("wgmma.mma_async instructions are serialized.*in the function '([^']+)'");
    std::vector<Usage> all;
    std::set<std::string> serialized_kernels;
    std::istringstream lines(log);
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (std::regex_search(line, match, serialized)) {
            serialized_kernels.insert(match[1]);
        } else if (std::regex_search(line, match, entry)) {
            Usage usage;
            usage.kernel = match[1];
            usage.architecture = match[2];
            all.push_back(usage);
        } else if (!all.empty() && all.back().registers < 0) {
            Usage& usage = all.back();
            if (std::regex_search(line, match, spills)) {
                usage.stack = std::stoi(match[1]);
                usage.spill_stores = std::stoi(match[2]);
                usage.spill_loads = std::stoi(match[3]);
            } else if (std::regex_search(line, match, registers)) {
                usage.registers = std::stoi(match[1]);
                if (std::regex_search(line, match, shared)) usage.shared = std::stoi(match[1]);
            }
        }
    }
    for (Usage& usage : all) usage.serialized = serialized_kernels.contains(usage.kernel);
    return all;
}

/// What the compiler said besides ptxas's figures.
std::string messages(const std::string& log) {
    std::string text;
    std::istringstream lines(log);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("ptxas", 0) != 0) text += line + "\n";
    }
    return text;
}

/// Prints one row of the table; 1 when the kernel is hot and uses local memory.
int print(const Usage& usage, const std::string& compiler, bool hot) {
    std::printf(
        "{\"compiler\":\"%s\",\"arch\":\"%s\",\"kernel\":\"%s\",\"registers\":%d,\"shared\":%d,\"local\":%d,\"spill_stores\":%d,"
        "\"spill_loads\":%d,\"hot\":%s}\n",
        compiler.c_str(), usage.architecture.c_str(), usage.kernel.c_str(), usage.registers, usage.shared, usage.stack,
        usage.spill_stores, usage.spill_loads, hot ? "true" : "false");
    if (!hot || (usage.stack == 0 && usage.spill_stores == 0 && usage.spill_loads == 0 && !usage.serialized)) return 0;
    std::fprintf(stderr, "%s for %s is on the hot list, and spills, uses local memory or has its wgmma serialized\n",
                 usage.kernel.c_str(), usage.architecture.c_str());
    return 1;
}

/// Hot kernels and the architectures that have them; none named means all.
using HotList = std::map<std::string, std::set<std::string>>;

HotList read_hot_list(const char* path) {
    HotList hot;
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        std::string kernel, architecture;
        words >> kernel;
        for (std::set<std::string>& only = hot[kernel]; words >> architecture;) only.insert(architecture);
    }
    return hot;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 6) give_up("usage: nvrtc_check LIBNVRTC KERNEL_FOLDER COMMON_FOLDER HOT_LIST OUTPUT_FOLDER [ARCHITECTURE ...]");
    Nvrtc nvrtc = load(arguments[1]);
    const fs::path folder = arguments[2], output = arguments[5];
    std::vector<std::string> architectures(arguments + 6, arguments + count);
    if (architectures.empty()) architectures = {"sm_80", "sm_86", "sm_89", "sm_90a"};
    int major = 0, minor = 0;
    nvrtc.version(&major, &minor);

    const std::string version = std::to_string(major) + "." + std::to_string(minor);
    const HotList hot = read_hot_list(arguments[4]);

    std::vector<std::string> header_names, header_texts;
    for (const fs::path& header : files_in(arguments[3], ".cuh")) {
        header_names.push_back("common/" + header.filename().string());
        header_texts.push_back(read_file(header));
    }
    std::vector<const char*> names, texts;
    for (std::size_t i = 0; i < header_names.size(); i++) {
        names.push_back(header_names[i].c_str());
        texts.push_back(header_texts[i].c_str());
    }

    int failures = 0;
    for (const std::string& architecture : architectures) {
        std::set<std::string> unseen;
        for (const auto& [kernel, only] : hot) {
            if (only.empty() || only.contains(architecture)) unseen.insert(kernel);
        }
        fs::create_directories(output / architecture);
        for (const fs::path& source : files_in(folder, ".cu")) {
            const std::string file = source.filename().string(), text = read_file(source);
            Program program;
            if (nvrtc.create(&program, text.c_str(), file.c_str(), static_cast<int>(names.size()), texts.data(), names.data()) !=
                0) {
                give_up("nvrtcCreateProgram failed for " + file);
            }
            const std::string target = "--gpu-architecture=" + architecture;
            const char* options[] = {target.c_str(), "--std=c++17", "-lineinfo", "--ptxas-options=-v"};
            int result = nvrtc.compile(program, 4, options);
            std::size_t bytes = 0;
            nvrtc.log_size(program, &bytes);
            std::string log(bytes, '\0');
            nvrtc.log(program, log.data());
            if (result != 0 || log.find("warning") != std::string::npos) {
                std::fprintf(stderr, "%s for %s:\n%s\n", file.c_str(), architecture.c_str(), messages(log).c_str());
                failures++;
            }
            if (result == 0) {
                nvrtc.cubin_size(program, &bytes);
                std::string cubin(bytes, '\0');
                nvrtc.cubin(program, cubin.data());
                std::ofstream(output / architecture / (source.stem().string() + ".cubin"), std::ios::binary) << cubin;
                std::vector<Usage> usages = parse(log);
                // A file for one architecture is nothing for the others.
                const bool foreign = architecture != "sm_90a" && text.find("\n#if " + kHopperOnly) != std::string::npos;
                if (usages.empty() != foreign) {
                    std::fprintf(stderr, "%s for %s: the compiler reported %zu kernels\n", file.c_str(), architecture.c_str(),
                                 usages.size());
                    failures++;
                }
                for (const Usage& usage : usages) {
                    unseen.erase(usage.kernel);
                    failures += print(usage, "nvrtc " + version, hot.contains(usage.kernel));
                }
            }
            nvrtc.destroy(&program);
        }
        for (const std::string& kernel : unseen) {
            std::fprintf(stderr, "the hot list names %s, which no file has for %s\n", kernel.c_str(), architecture.c_str());
            failures++;
        }
    }
    return failures == 0 ? 0 : 1;
}
