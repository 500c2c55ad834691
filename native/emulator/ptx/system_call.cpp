// Calls of functions that the device's runtime has: printf and a failed assertion.
#include "emulator/ptx/system_call.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "emulator/ptx/address.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {
namespace {

constexpr std::size_t kMaxText = 4096;

/// The value at a place of the lane's local memory, where parameters of calls lie.
template <typename T>
T local_value(const Warp& warp, unsigned lane, std::uint64_t place) {
    const std::uint32_t size = warp.cta->cluster->work->program->local_bytes;
    T value;
    std::memcpy(&value, warp.local.data() + std::size_t{size} * lane + place, sizeof value);
    return value;
}

/// A text that ends in zero, of the module or of global memory.
std::string text_at(Warp& warp, unsigned lane, std::uint64_t address) {
    std::string text;
    while (text.size() < kMaxText) {
        const auto at = address + text.size();
        if (!in_module(warp, at, 1)) check_global(warp, lane, at, 1, false);
        const char letter = *reinterpret_cast<const char*>(at);
        if (letter == '\0') break;
        text += letter;
    }
    return text;
}

/// The values that a format asks for, one after the other, each at a multiple of its size.
class Values {
public:
    Values(Warp& warp, unsigned lane, std::uint64_t address) : warp_(warp), lane_(lane), address_(address) {}

    template <typename T>
    T next() {
        address_ = (address_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
        T value;
        if (address_ / kWindowBytes == kLocalBase / kWindowBytes)
            std::memcpy(&value, local_bytes<sizeof(T)>(warp_, lane_, address_ % kWindowBytes), sizeof value);
        else
            std::memcpy(&value, global_bytes<sizeof(T)>(warp_, lane_, address_, false), sizeof value);
        address_ += sizeof(T);
        return value;
    }

private:
    Warp& warp_;
    unsigned lane_;
    std::uint64_t address_;
};

void print_value(Warp& warp, unsigned lane, const std::string& directive, Values& values) {
    const char kind = directive.back();
    if (std::strchr("eEfFgGaA", kind) != nullptr) {
        std::printf(directive.c_str(), values.next<double>());
    } else if (kind == 's') {
        std::printf(directive.c_str(), text_at(warp, lane, values.next<std::uint64_t>()).c_str());
    } else if (kind == 'p' || directive.find('l') != std::string::npos || directive.find('z') != std::string::npos) {
        std::printf(directive.c_str(), values.next<std::uint64_t>());
    } else {
        std::printf(directive.c_str(), values.next<std::uint32_t>());
    }
}

/// list: the places of the format's and of the values' address.
void run_print(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    for_lanes(lanes, [&](unsigned lane) {
        const std::string format = text_at(warp, lane, local_value<std::uint64_t>(warp, lane, i.list[0]));
        Values values(warp, lane, local_value<std::uint64_t>(warp, lane, i.list[1]));
        for (std::size_t at = 0; at < format.size();) {
            if (format[at] != '%') {
                std::fputc(format[at++], stdout);
                continue;
            }
            const std::size_t end = format.find_first_of("diouxXeEfFgGaAcsp%", at + 1);
            if (end == std::string::npos) break;
            if (format[end] == '%')
                std::fputc('%', stdout);
            else
                print_value(warp, lane, format.substr(at, end - at + 1), values);
            at = end + 1;
        }
    });
}

/// list: the places of message, file, line and function.
void run_assertion(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    auto text = [&](unsigned which) { return text_at(warp, lane, local_value<std::uint64_t>(warp, lane, i.list[which])); };
    report(warp, lane, Defect::Trap, "assertion '%s' failed in %s (%s:%u)", text(0).c_str(), text(3).c_str(), text(1).c_str(),
           local_value<std::uint32_t>(warp, lane, i.list[2]));
}

}  // namespace

bool translate_system_call(Translator& t, const std::string& name, const std::vector<Operand>& arguments) {
    const bool print = name == "vprintf";
    if ((!print && name != "__assertfail") || arguments.size() != (print ? 2u : 5u)) return false;
    std::vector<Slot> places;
    for (const Operand& argument : arguments) {
        if (argument.kind != Operand::Kind::Symbol) return false;
        places.push_back(static_cast<Slot>(t.address_of(*argument.variable)));
    }
    const Slot* list = t.list(places);
    t.add(print ? &run_print : &run_assertion).list = list;
    return true;
}

}  // namespace emu::ptx
