// Integer arithmetic, logic, shifts and bit fields.
#include <algorithm>
#include <bit>

#include "emulator/ptx/integer_ops.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

template <typename Op, template <typename, typename> class Shape>
Handler by_integer(Type type) {
    switch (type.bits) {
        case 16:
            return type.is_signed() ? &Shape<Op, std::int16_t>::run : &Shape<Op, std::uint16_t>::run;
        case 32:
            return type.is_signed() ? &Shape<Op, std::int32_t>::run : &Shape<Op, std::uint32_t>::run;
        case 64:
            return type.is_signed() ? &Shape<Op, std::int64_t>::run : &Shape<Op, std::uint64_t>::run;
        default:
            return nullptr;
    }
}

template <typename Op, typename T>
struct One {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { unary<Op, T>(warp, i, lanes); }
};
template <typename Op, typename T>
struct Two {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { binary<Op, T>(warp, i, lanes); }
};
template <typename Op, typename T>
struct Three {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { ternary<Op, T>(warp, i, lanes); }
};
/// Result of twice the width of the operands; c has that width too.
template <typename Op, typename T>
struct Wide {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) {
        using D = typename Twice<T>::Type;
        if (i.mode != 0)
            map3<D, T, T, D>(warp, i, lanes, [](T a, T b, D c) { return Op::run(add_wrapped(mul_wide(a, b), c)); });
        else
            map2<D, T, T>(warp, i, lanes, [](T a, T b) { return Op::run(mul_wide(a, b)); });
    }
};
struct Same {
    template <typename T>
    static T run(T a) {
        return a;
    }
};
/// The shift amount is a 32-bit register whatever the type.
template <typename Op, typename T>
struct Shift {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) {
        map2<T, T, std::uint32_t>(warp, i, lanes, [](T a, std::uint32_t b) { return Op::run(a, b); });
    }
};
/// Counts: the result has 32 bits whatever the type.
template <typename Op, typename T>
struct Count {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) {
        map1<std::uint32_t, T>(warp, i, lanes, [](T a) { return Op::run(a); });
    }
};
template <typename Op, typename T>
struct Extract {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) {
        map3<T, T, std::uint32_t, std::uint32_t>(warp, i, lanes,
                                                 [](T a, std::uint32_t b, std::uint32_t c) { return Op::run(a, b, c); });
    }
};

/// Addition, subtraction and products with carry: mode bit 0 takes the carry in, bit 1 puts it out, bit 2 subtracts, bit 3 takes
/// the high half of a product, bit 4 is a product.
template <typename T>
void run_with_carry(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<SlotValue<T>>(i.d);
    const auto* a = warp.in<SlotValue<T>>(i.a);
    const auto* b = warp.in<SlotValue<T>>(i.b);
    const auto* c = (i.mode & 16) != 0 ? warp.in<SlotValue<T>>(i.c) : nullptr;
    using Wider = unsigned __int128;
    std::uint32_t carries = warp.carry;
    for_lanes(lanes, [&](unsigned lane) {
        T left = static_cast<T>(a[lane]), right = static_cast<T>(b[lane]);
        const T carry = (i.mode & 1) != 0 ? static_cast<T>(warp.carry >> lane & 1) : T{0};
        if (c != nullptr) {
            const T product = (i.mode & 8) != 0 ? mul_hi(left, right) : static_cast<T>(left * right);
            left = product;
            right = static_cast<T>(c[lane]);
        }
        const Wider all = (i.mode & 4) != 0 ? Wider{left} - right - carry : Wider{left} + right + carry;
        const bool out = (all >> (8 * sizeof(T)) & 1) != 0;
        carries = (carries & ~(1u << lane)) | (out ? 1u : 0u) << lane;
        d[lane] = static_cast<T>(all);
    });
    if ((i.mode & 2) != 0) warp.carry = carries;
}

void translate_carry(Translator& t, const Statement& s, Type type, std::uint16_t mode) {
    const bool product = (mode & 16) != 0;
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type), c = product ? t.in(s.operands[3], type) : 0;
    const Slot d = t.out(s.operands[0], type);
    if (type.bits != 32 && type.bits != 64) t.fail("a carry of this type");
    // The high half of a signed product differs from that of an unsigned one.
    if ((mode & 8) != 0 && type.is_signed()) t.fail("a signed high product with carry");
    Instruction& i = t.add(type.bits == 32 ? &run_with_carry<std::uint32_t> : &run_with_carry<std::uint64_t>);
    i.d = d, i.a = a, i.b = b, i.c = c, i.mode = mode;
}

void emit(Translator& t, const Statement& s, Handler handler, Type d, Type a, Type b = {'p', 1}, Type c = {'p', 1}) {
    if (handler == nullptr) t.fail("a type that this machine lacks here");
    const std::size_t wanted = 2 + (b.kind != 'p' ? 1 : 0) + (c.kind != 'p' ? 1 : 0);
    if (s.operands.size() != wanted) t.fail("another number of operands");
    const Slot first = t.in(s.operands[1], a);
    const Slot second = b.kind != 'p' ? t.in(s.operands[2], b) : 0;
    const Slot third = c.kind != 'p' ? t.in(s.operands[3], c) : 0;
    const Slot result = t.out(s.operands[0], d);
    Instruction& i = t.add(handler);
    i.d = result, i.a = first, i.b = second, i.c = third;
}

constexpr Type kWord{'b', 32};

Type twice(Type type) {
    return {type.kind, static_cast<std::uint8_t>(type.bits * 2)};
}

/// add, sub, mul, mad and their forms; floating-point types go to the other file.
void translate_arithmetic(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view head = s.opcode->parts[0];
    Type type;
    if (m.take_last_type(type) && type.is_float()) {
        translate_floating(t, s, m, type);
        return;
    }
    const bool carry_out = m.take("cc");
    if (head == "addc" || head == "subc" || carry_out) {
        if (head == "mad" || head == "madc") {
            std::uint16_t mode = 16 | (carry_out ? 2 : 0) | (head == "madc" ? 1 : 0);
            if (m.take("hi"))
                mode |= 8;
            else
                m.take("lo");
            m.finish();
            translate_carry(t, s, type, mode);
            return;
        }
        m.finish();
        translate_carry(
            t, s, type,
            static_cast<std::uint16_t>((head[0] == 's' ? 4 : 0) | (carry_out ? 2 : 0) | (head.back() == 'c' ? 1 : 0)));
        return;
    }
    if (head == "madc") {
        std::uint16_t mode = 16 | 1;
        if (m.take("hi"))
            mode |= 8;
        else
            m.take("lo");
        m.finish();
        translate_carry(t, s, type, mode);
        return;
    }
    if (head == "add" || head == "sub") {
        if (m.take("sat")) m.unknown();
        m.finish();
        emit(t, s, head == "add" ? by_integer<Add, Two>(type) : by_integer<Sub, Two>(type), type, type, type);
        return;
    }
    std::string_view part = m.take_one({"lo", "hi", "wide"});
    m.finish();
    if (part.empty()) m.unknown();
    const bool mad = head == "mad";
    if (part == "wide") {
        if (type.bits > 32) m.unknown();
        Handler handler = nullptr;
        if (type.bits == 16)
            handler = type.is_signed() ? &Wide<Same, std::int16_t>::run : &Wide<Same, std::uint16_t>::run;
        else if (type.bits == 32)
            handler = type.is_signed() ? &Wide<Same, std::int32_t>::run : &Wide<Same, std::uint32_t>::run;
        const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type);
        const Slot c = mad ? t.in(s.operands[3], twice(type)) : 0;
        const Slot d = t.out(s.operands[0], twice(type));
        Instruction& i = t.add(handler);
        i.d = d, i.a = a, i.b = b, i.c = c, i.mode = mad ? 1 : 0;
        return;
    }
    if (mad)
        emit(t, s, part == "lo" ? by_integer<MadLo, Three>(type) : by_integer<MadHi, Three>(type), type, type, type, type);
    else
        emit(t, s, part == "lo" ? by_integer<MulLo, Two>(type) : by_integer<MulHi, Two>(type), type, type, type);
}

template <typename Op>
void translate_two(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    if (type.is_float()) {
        translate_floating(t, s, m, type);
        return;
    }
    m.finish();
    emit(t, s, by_integer<Op, Two>(type), type, type, type);
}

template <typename Op>
void translate_one(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    if (type.is_float()) {
        translate_floating(t, s, m, type);
        return;
    }
    m.finish();
    emit(t, s, by_integer<Op, One>(type), type, type);
}

template <int kOperation>
void run_predicates(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const std::uint32_t a = warp.predicate(i.a), b = warp.predicate(i.b);
    warp.set_predicate(i.d, lanes, kOperation == 0 ? a & b : kOperation == 1 ? a | b : kOperation == 2 ? a ^ b : ~a);
}

template <typename Op, int kPredicates>
void translate_logic(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    m.finish();
    if (type.kind == 'p') {
        const std::uint16_t a = t.in_predicate(s.operands[1]), b = kPredicates == 3 ? kTrue : t.in_predicate(s.operands[2]);
        const std::uint16_t d = t.out_predicate(s.operands[0]);
        Instruction& i = t.add(&run_predicates<kPredicates>);
        i.d = d, i.a = a, i.b = b;
        return;
    }
    if constexpr (kPredicates == 3)
        emit(t, s, by_integer<Op, One>(type), type, type);
    else
        emit(t, s, by_integer<Op, Two>(type), type, type, type);
}

template <typename Op>
void translate_shift(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    m.finish();
    emit(t, s, by_integer<Op, Shift>(type), type, type, kWord);
}

template <typename Op>
void translate_count(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    m.finish();
    emit(t, s, type.bits == 16 ? nullptr : by_integer<Op, Count>(type), kWord, type);
}

void translate_find(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    const bool shift = m.take("shiftamt");
    m.finish();
    Handler handler = shift ? by_integer<FindShift, Count>(type) : by_integer<Find, Count>(type);
    emit(t, s, type.bits == 16 ? nullptr : handler, kWord, type);
}

void translate_extract(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    m.finish();
    emit(t, s, type.bits == 16 ? nullptr : by_integer<ExtractField, Extract>(type), type, type, kWord, kWord);
}

template <typename T>
void run_insert(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<SlotValue<T>>(i.d);
    const auto* a = warp.in<SlotValue<T>>(i.a);
    const auto* b = warp.in<SlotValue<T>>(i.b);
    const auto* at = warp.in<std::uint32_t>(i.list[0]);
    const auto* length = warp.in<std::uint32_t>(i.list[1]);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = insert_field<T>(a[lane], b[lane], at[lane], length[lane]); });
}

void translate_insert(Translator& t, const Statement& s, Modifiers& m) {
    Type type = m.take_type();
    m.finish();
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type);
    const Slot* rest = t.list({t.in(s.operands[3], kWord), t.in(s.operands[4], kWord)});
    const Slot d = t.out(s.operands[0], type);
    Instruction& i = t.add(type.bits == 64 ? &run_insert<std::uint64_t> : &run_insert<std::uint32_t>);
    i.d = d, i.a = a, i.b = b, i.list = rest;
}

template <bool kLeft, bool kWrap>
void run_funnel(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map3<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
        warp, i, lanes, [](std::uint32_t low, std::uint32_t high, std::uint32_t count) {
            const std::uint32_t by = kWrap ? count & 31 : std::min(count, 32u);
            const std::uint64_t both = std::uint64_t{high} << 32 | low;
            return kLeft ? static_cast<std::uint32_t>(both << by >> 32) : static_cast<std::uint32_t>(both >> by);
        });
}

void translate_funnel(Translator& t, const Statement& s, Modifiers& m) {
    const bool left = m.take_one({"l", "r"}) == "l", wrap = m.take_one({"wrap", "clamp"}) == "wrap";
    m.take_type();
    m.finish();
    Handler handler = left ? (wrap ? &run_funnel<true, true> : &run_funnel<true, false>)
                           : (wrap ? &run_funnel<false, true> : &run_funnel<false, false>);
    emit(t, s, handler, kWord, kWord, kWord, kWord);
}

void run_permute(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    map3<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
        warp, i, lanes, [](std::uint32_t a, std::uint32_t b, std::uint32_t selector) { return permute_bytes(a, b, selector); });
}

void translate_permute(Translator& t, const Statement& s, Modifiers& m) {
    m.take_type();
    m.finish();  // its special modes are not known
    emit(t, s, &run_permute, kWord, kWord, kWord, kWord);
}

void run_lop3(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const auto table = static_cast<std::uint32_t>(i.immediate);
    map3<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
        warp, i, lanes, [&](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
            std::uint32_t all = 0;
            for (unsigned k = 0; k < 8; k++) {
                if ((table >> k & 1) != 0) all |= ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
            }
            return all;
        });
}

void translate_lop3(Translator& t, const Statement& s, Modifiers& m) {
    m.take_type();
    m.finish();
    if (s.operands.size() != 5) t.fail("another number of operands");
    const Slot a = t.in(s.operands[1], kWord), b = t.in(s.operands[2], kWord), c = t.in(s.operands[3], kWord);
    const Slot d = t.out(s.operands[0], kWord);
    Instruction& i = t.add(&run_lop3);
    i.d = d, i.a = a, i.b = b, i.c = c, i.immediate = t.immediate(s.operands[4]);
}

}  // namespace

void add_integer(TranslateTable& table) {
    for (const char* head : {"add", "sub", "mul", "mad", "addc", "subc", "madc"}) table[head] = &translate_arithmetic;
    table["div"] = &translate_two<Div>;
    table["rem"] = &translate_two<Rem>;
    table["min"] = &translate_two<Min>;
    table["max"] = &translate_two<Max>;
    table["neg"] = &translate_one<Neg>;
    table["abs"] = &translate_one<Abs>;
    table["and"] = &translate_logic<And, 0>;
    table["or"] = &translate_logic<Or, 1>;
    table["xor"] = &translate_logic<Xor, 2>;
    table["not"] = &translate_logic<Not, 3>;
    table["cnot"] = &translate_one<CNot>;
    table["shl"] = &translate_shift<ShiftLeft>;
    table["shr"] = &translate_shift<ShiftRight>;
    table["shf"] = &translate_funnel;
    table["popc"] = &translate_count<Popc>;
    table["clz"] = &translate_count<Clz>;
    table["bfind"] = &translate_find;
    table["brev"] = &translate_one<Reverse>;
    table["bfe"] = &translate_extract;
    table["bfi"] = &translate_insert;
    table["prmt"] = &translate_permute;
    table["lop3"] = &translate_lop3;
}

}  // namespace emu::ptx
