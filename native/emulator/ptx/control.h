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
/// Notes that register a, which a wgmma uses, has been changed, or has become a copy of register b (kNoSource: of a constant).
/// Compilers copy registers between the fence and the product; a copy counts as changed when what it copies was.
constexpr std::uint32_t kNoSource = 0x3FFFFFFF;
void run_mark_changed(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void run_mark_copied(Warp& warp, const Instruction& instruction, std::uint32_t lanes);

/// Whether the handler is one of those above, which stand for no instruction of the text.
bool is_pseudo(Handler handler);

}  // namespace emu::ptx
