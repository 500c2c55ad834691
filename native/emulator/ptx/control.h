// Handlers of control flow that the translator itself needs.
#pragma once

#include "emulator/ptx/program.h"

namespace emu::ptx {

void run_exit(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void run_branch(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
/// Stands where lanes that a branch parted meet again.
void run_join(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
/// Reports a register that is read before it was written; a is its number.
void run_check_defined(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void run_mark_defined(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
/// Notes that registers which a wgmma uses have been changed.
void run_mark_changed(Warp& warp, const Instruction& instruction, std::uint32_t lanes);

}  // namespace emu::ptx
