#include "emulator/driver/image.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace emu {
namespace {

constexpr std::string_view kLinked = "btrm linked kernels";

// ELF, 64 bits (gABI), with the processor flags that LLVM's BinaryFormat/ELF.h lists for CUDA.
struct ElfHeader {
    unsigned char identification[16];
    std::uint16_t type, machine;
    std::uint32_t version;
    std::uint64_t entry, program_headers, section_headers;
    std::uint32_t flags;
    std::uint16_t header_bytes, program_header_bytes, program_header_count, section_header_bytes, section_count, name_section;
};

struct ElfSection {
    std::uint32_t name, type;
    std::uint64_t flags, address, offset, bytes;
    std::uint32_t link, information;
    std::uint64_t alignment, entry_bytes;
};
static_assert(sizeof(ElfHeader) == 64 && sizeof(ElfSection) == 64);

constexpr std::uint16_t kCudaMachine = 190;
constexpr unsigned char kNewAbi = 8;

/// Code for one member of a generation runs on the later ones; with an `a` behind it, on that member alone.
bool runs(unsigned target, bool exact, unsigned device) {
    return exact ? target == device : target / 10 == device / 10 && target <= device;
}

CUresult read_cubin(const char* bytes, unsigned architecture, Image& image) {
    ElfHeader header;
    std::memcpy(&header, bytes, sizeof header);
    if (header.machine != kCudaMachine || header.section_header_bytes != sizeof(ElfSection)) return CUDA_ERROR_INVALID_IMAGE;
    const bool new_abi = header.identification[8] >= kNewAbi;
    const unsigned target = (new_abi ? header.flags >> 8 : header.flags) & 0xff;
    if (!runs(target, (header.flags & (new_abi ? 0x8 : 0x800)) != 0, architecture)) return CUDA_ERROR_NO_BINARY_FOR_GPU;
    auto section = [&](unsigned index) {
        ElfSection found;
        std::memcpy(&found, bytes + header.section_headers + index * sizeof(ElfSection), sizeof found);
        return found;
    };
    // The code of kernel k is the section ".text.k".
    const char* names = bytes + section(header.name_section).offset;
    for (unsigned i = 0; i < header.section_count; i++) {
        const std::string_view name = names + section(i).name;
        if (name.starts_with(".text.")) image.kernels.emplace(name.substr(6));
    }
    return CUDA_SUCCESS;
}

}  // namespace

CUresult read_image(const void* bytes, unsigned architecture, Image& image) {
    const char* text = static_cast<const char*>(bytes);
    if (std::strncmp(text,
                     "\x7f"
                     "ELF",
                     4) == 0)
        return read_cubin(text, architecture, image);
    if (text == kLinked) {
        image.all_kernels = true;
        return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_IMAGE;
}

}  // namespace emu
