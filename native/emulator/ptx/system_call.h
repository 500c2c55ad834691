// Calls of functions that the device's runtime has.
#pragma once

#include <string>
#include <vector>

#include "emulator/ptx/syntax.h"

namespace emu::ptx {

class Translator;

/// Adds the call of vprintf or __assertfail; false when the name is neither.
bool translate_system_call(Translator& translator, const std::string& name, const std::vector<Operand>& arguments);

}  // namespace emu::ptx
