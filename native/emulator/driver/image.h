// What a module's image of machine code (a cubin, which is an ELF file) holds, read as the driver reads it.
//
// PTX is executed as it stands (ptx/). For a cubin the emulator runs the kernels that are linked into it, whatever the image's
// instructions say; from the image it takes whether the device could run it and which kernels it has. So a program that picks
// the wrong image, or one without the kernel, fails here too.
#pragma once

#include <set>
#include <string>

#include "emulator/driver/result.h"

namespace emu {

struct Image {
    /// Whether every linked kernel belongs to it: the text kLinked in place of an image.
    bool all_kernels = false;
    std::set<std::string> kernels;

    bool holds(const std::string& name) const { return all_kernels || kernels.contains(name); }
};

/// Reads an image for a device of that architecture. CUDA_ERROR_INVALID_IMAGE for what is no cubin,
/// CUDA_ERROR_NO_BINARY_FOR_GPU for code of an architecture that the device does not run.
CUresult read_image(const void* bytes, unsigned architecture, Image& image);

}  // namespace emu
