// mov with packing and unpacking, cvta, isspacep, clocks.
#include <chrono>

#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

template <typename U>
void run_mov(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<U, U>(warp, i, lanes, [](U a) { return a; });
}

void run_mov_predicate(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.set_predicate(i.d, lanes, warp.predicate(i.a) ^ (i.mode != 0 ? ~0u : 0));
}

/// Parts of `immediate` bits each, from list[1..mode] into list[0], which has 32 or 64 bits.
template <typename U>
void run_pack(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const unsigned bits = static_cast<unsigned>(i.immediate);
    std::uint64_t made[kWarpLanes] = {};
    for (unsigned part = 0; part < i.mode; part++) {
        const auto* from = warp.in<std::uint32_t>(i.list[part]);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            const std::uint64_t value = bits == 32 ? from[lane] : from[lane] & ((1u << bits) - 1);
            made[lane] |= value << (bits * part);
        }
    }
    auto* d = warp.out<U>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = static_cast<U>(made[lane]); });
}

template <typename U>
void run_unpack(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const unsigned bits = static_cast<unsigned>(i.immediate);
    U from[kWarpLanes];
    std::memcpy(from, warp.in<U>(i.a), sizeof from);
    for (unsigned part = 0; part < i.mode; part++) {
        auto* d = warp.out<std::uint32_t>(i.list[part]);
        for_lanes(lanes, [&](unsigned lane) {
            const auto value = static_cast<std::uint32_t>(from[lane] >> (bits * part));
            d[lane] = bits == 32 ? value : value & ((1u << bits) - 1);
        });
    }
}

std::uint64_t now() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

template <typename U>
void run_clock(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<U>(i.d);
    const U value = static_cast<U>(now() >> i.mode);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = value; });
}

bool is_clock(std::string_view name, std::uint16_t& shift) {
    shift = name == "%clock_hi" || name == "%globaltimer_hi" ? 32 : 0;
    return name == "%clock" || name == "%clock64" || name == "%clock_hi" || name.starts_with("%globaltimer");
}

void translate_mov(Translator& t, const Statement& s, Modifiers& m) {
    const Type type = m.take_type();
    m.finish();
    if (s.operands.size() != 2) t.fail("another number of operands");
    const Operand &to = s.operands[0], &from = s.operands[1];
    if (type.kind == 'p') {
        const std::uint16_t a = t.in_predicate(from), d = t.out_predicate(to);
        Instruction& i = t.add(&run_mov_predicate);
        i.d = d, i.a = a, i.mode = from.negated ? 1 : 0;
        return;
    }
    const bool wide = type.bits == 64;
    std::vector<Slot> parts;
    if (from.kind == Operand::Kind::Vector) {
        const auto bits = static_cast<unsigned>(type.bits / from.items.size());
        if (bits > 32) t.fail("parts of so many bits");
        for (const Operand& item : from.items) parts.push_back(t.in_bits(item, bits));
        const Slot* list = t.list(parts);
        const Slot d = t.out(to, type);
        Instruction& i = t.add(wide ? &run_pack<std::uint64_t> : &run_pack<std::uint32_t>);
        i.d = d, i.list = list, i.mode = static_cast<std::uint16_t>(parts.size()), i.immediate = bits;
        return;
    }
    if (to.kind == Operand::Kind::Vector) {
        const auto bits = static_cast<unsigned>(type.bits / to.items.size());
        if (bits > 32) t.fail("parts of so many bits");
        const Slot a = t.in(from, type);
        for (const Operand& item : to.items) parts.push_back(t.out_bits(item, bits));
        const Slot* list = t.list(parts);
        Instruction& i = t.add(wide ? &run_unpack<std::uint64_t> : &run_unpack<std::uint32_t>);
        i.a = a, i.list = list, i.mode = static_cast<std::uint16_t>(parts.size()), i.immediate = bits;
        return;
    }
    std::uint16_t shift;
    if (from.kind == Operand::Kind::Special && is_clock(from.text, shift)) {
        const Slot d = t.out(to, type);
        Instruction& i = t.add(wide ? &run_clock<std::uint64_t> : &run_clock<std::uint32_t>);
        i.d = d, i.mode = shift;
        return;
    }
    const Slot a = t.in(from, type), d = t.out(to, type);
    Instruction& i = t.add(wide ? &run_mov<std::uint64_t> : &run_mov<std::uint32_t>);
    i.d = d, i.a = a;
    t.note_copy(from);
}

void run_add_constant(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map1<std::uint64_t, std::uint64_t>(warp, i, lanes, [&](std::uint64_t a) { return a + i.immediate; });
}

void translate_cvta(Translator& t, const Statement& s, Modifiers& m) {
    const bool to = m.take("to");
    std::string_view space =
        m.take_one({"global", "shared", "shared::cta", "shared::cluster", "local", "param", "const", "param::entry"});
    const Type type = m.take_type();
    m.finish();
    if (space.empty() || type.bits != 64) m.unknown();
    std::uint64_t base = 0;
    if (space.starts_with("shared")) base = kSharedBase;
    if (space == "local") base = kLocalBase;
    if (space.starts_with("param")) {
        // Parameters of functions that were called lie in local memory; nothing takes their generic address.
        if (t.in_call()) m.unknown();
        base = kParamBase;
    }
    const Slot a = t.in(s.operands[1], type), d = t.out(s.operands[0], type);
    Instruction& i = t.add(&run_add_constant);
    i.d = d, i.a = a, i.immediate = to ? 0 - base : base;
}

void run_isspacep(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const auto* a = warp.in<std::uint64_t>(i.a);
    std::uint32_t made = 0;
    for_lanes(lanes, [&](unsigned lane) {
        const std::uint64_t window = a[lane] / kWindowBytes;
        const bool known = window >= 1 && window <= 3;
        const bool is = i.immediate == 0 ? !known : window * kWindowBytes == i.immediate;
        made |= (is ? 1u : 0u) << lane;
    });
    warp.set_predicate(i.d, lanes, made);
}

void translate_isspacep(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view space = m.take_one({"global", "shared", "shared::cta", "shared::cluster", "local", "param"});
    m.finish();
    if (space.empty()) m.unknown();
    const Slot a = t.in_bits(s.operands[1], 64), d = t.out_predicate(s.operands[0]);
    Instruction& i = t.add(&run_isspacep);
    i.d = d, i.a = a;
    i.immediate = space == "global" ? 0 : space == "local" ? kLocalBase : space == "param" ? kParamBase : kSharedBase;
}

}  // namespace

void add_move(TranslateTable& table) {
    table["mov"] = &translate_mov;
    table["cvta"] = &translate_cvta;
    table["isspacep"] = &translate_isspacep;
}

}  // namespace emu::ptx
