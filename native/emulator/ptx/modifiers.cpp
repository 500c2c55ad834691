// The modifiers of an opcode, taken one by one until none is left.
#include <algorithm>

#include "emulator/ptx/translator.h"

namespace emu::ptx {

bool Modifiers::take(std::string_view part) {
    auto entry = std::find(parts_.begin(), parts_.end(), part);
    if (entry == parts_.end()) return false;
    parts_.erase(entry);
    return true;
}

std::string_view Modifiers::take_one(std::initializer_list<std::string_view> parts, std::string_view fallback) {
    for (std::string_view part : parts) {
        if (take(part)) return part;
    }
    return fallback;
}

bool Modifiers::take_last_type(Type& type) {
    if (parts_.empty() || !parse_type(parts_.back(), type)) return false;
    parts_.pop_back();
    return true;
}

Type Modifiers::take_type() {
    Type type;
    if (!take_last_type(type)) unknown();
    return type;
}

std::string_view Modifiers::take_last() {
    if (parts_.empty()) unknown();
    std::string_view last = parts_.back();
    parts_.pop_back();
    return last;
}

void Modifiers::finish() const {
    if (!parts_.empty()) unknown();
}

void Modifiers::unknown() const {
    throw LoadError(statement_.line, "the instruction '" + statement_.opcode->text + "' is not one that this machine has");
}

}  // namespace emu::ptx
