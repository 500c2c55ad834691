// Comparisons and selections: setp, set, selp, slct, testp.
#include <cmath>

#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

enum class Relation : std::uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };

template <Relation kRelation, typename T>
bool holds(T a, T b) {
    using enum Relation;
    if constexpr (std::is_floating_point_v<T>) {
        const bool unordered = a != a || b != b;
        switch (kRelation) {
            case Num:
                return !unordered;
            case Nan:
                return unordered;
            case Eq:
                return a == b;
            case Ne:
                return !unordered && a != b;
            case Lt:
                return a < b;
            case Le:
                return a <= b;
            case Gt:
                return a > b;
            case Ge:
                return a >= b;
            case Equ:
                return unordered || a == b;
            case Neu:
                return unordered || a != b;
            case Ltu:
                return unordered || a < b;
            case Leu:
                return unordered || a <= b;
            case Gtu:
                return unordered || a > b;
            case Geu:
                return unordered || a >= b;
        }
    } else {
        switch (kRelation) {
            case Eq:
                return a == b;
            case Ne:
                return a != b;
            case Lt:
                return a < b;
            case Le:
                return a <= b;
            case Gt:
                return a > b;
            case Ge:
                return a >= b;
            default:
                return false;
        }
    }
    return false;
}

float widen(Half value) {
    return to_float(value);
}
float widen(Bfloat value) {
    return to_float(value);
}
template <typename T>
T widen(T value) {
    return value;
}

template <Relation kRelation, typename T>
std::uint32_t compare(const SlotValue<T>* a, const SlotValue<T>* b) {
    alignas(32) std::uint8_t flags[kWarpLanes];
    for (unsigned lane = 0; lane < kWarpLanes; lane++) {
        using W = decltype(widen(T{}));
        flags[lane] = holds<kRelation, W>(widen(from_slot<T>(a[lane])), widen(from_slot<T>(b[lane]))) ? 1 : 0;
    }
    std::uint32_t made = 0;
    for (unsigned lane = 0; lane < kWarpLanes; lane++) made |= std::uint32_t{flags[lane]} << lane;
    return made;
}

/// mode of setp: bits 0-1 combine with predicate c (0 not, 1 and, 2 or, 3 xor), bit 2 negates c, bit 3 flushes subnormal numbers.
constexpr std::uint16_t kNegate = 4, kFlush = 8;

void finish_setp(Warp& warp, const Instruction& i, std::uint32_t lanes, std::uint32_t result) {
    std::uint32_t other = ~result;
    if ((i.mode & 3) != 0) {
        const std::uint32_t c = warp.predicate(i.c) ^ ((i.mode & kNegate) != 0 ? ~0u : 0);
        auto combine = [&](std::uint32_t value) {
            return (i.mode & 3) == 1 ? value & c : (i.mode & 3) == 2 ? value | c : value ^ c;
        };
        result = combine(result);
        other = combine(other);
    }
    warp.set_predicate(i.d, lanes, result);
    if (i.immediate != 0) warp.set_predicate(static_cast<Slot>(i.immediate), lanes, other);
}

template <Relation kRelation, typename T>
void run_setp(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const auto* a = warp.in<SlotValue<T>>(i.a);
    const auto* b = warp.in<SlotValue<T>>(i.b);
    if constexpr (std::is_same_v<T, float>) {
        std::uint32_t flushed[2][kWarpLanes];
        if ((i.mode & kFlush) != 0) {
            auto flush = [](std::uint32_t bits) { return (bits & 0x7F800000u) == 0 ? bits & 0x80000000u : bits; };
            for (unsigned lane = 0; lane < kWarpLanes; lane++) {
                flushed[0][lane] = flush(a[lane]);
                flushed[1][lane] = flush(b[lane]);
            }
            a = flushed[0];
            b = flushed[1];
        }
        finish_setp(warp, i, lanes, compare<kRelation, T>(a, b));
    } else {
        finish_setp(warp, i, lanes, compare<kRelation, T>(a, b));
    }
}

/// set: all ones or, of type f32, one.
template <Relation kRelation, typename T>
void run_set(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const std::uint32_t result = compare<kRelation, T>(warp.in<SlotValue<T>>(i.a), warp.in<SlotValue<T>>(i.b));
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = (result >> lane & 1) != 0 ? static_cast<std::uint32_t>(i.immediate) : 0; });
}

template <template <Relation, typename> class Shape, typename T>
Handler by_relation(Relation relation) {
    switch (relation) {
#define EMU_RELATION(name) \
    case Relation::name:   \
        return &Shape<Relation::name, T>::run;
        EMU_RELATION(Eq)
        EMU_RELATION(Ne)
        EMU_RELATION(Lt)
        EMU_RELATION(Le)
        EMU_RELATION(Gt)
        EMU_RELATION(Ge)
        EMU_RELATION(Equ)
        EMU_RELATION(Neu)
        EMU_RELATION(Ltu)
        EMU_RELATION(Leu)
        EMU_RELATION(Gtu)
        EMU_RELATION(Geu)
        EMU_RELATION(Num)
        EMU_RELATION(Nan)
#undef EMU_RELATION
    }
    return nullptr;
}

template <Relation kRelation, typename T>
struct SetPredicate {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { run_setp<kRelation, T>(warp, i, lanes); }
};
template <Relation kRelation, typename T>
struct SetValue {
    static void run(Warp& warp, const Instruction& i, std::uint32_t lanes) { run_set<kRelation, T>(warp, i, lanes); }
};

template <template <Relation, typename> class Shape>
Handler by_type(const Statement& s, Type type, Relation relation) {
    if (type.kind == 'f') return type.bits == 32 ? by_relation<Shape, float>(relation) : by_relation<Shape, double>(relation);
    if (type.kind == 'h') {
        if (s.opcode->parts.back() == "f16") return by_relation<Shape, Half>(relation);
        if (s.opcode->parts.back() == "bf16") return by_relation<Shape, Bfloat>(relation);
        return nullptr;
    }
    switch (type.bits) {
        case 16:
            return type.is_signed() ? by_relation<Shape, std::int16_t>(relation) : by_relation<Shape, std::uint16_t>(relation);
        case 32:
            return type.is_signed() ? by_relation<Shape, std::int32_t>(relation) : by_relation<Shape, std::uint32_t>(relation);
        case 64:
            return type.is_signed() ? by_relation<Shape, std::int64_t>(relation) : by_relation<Shape, std::uint64_t>(relation);
        default:
            return nullptr;
    }
}

bool parse_relation(std::string_view name, Type type, Relation& relation) {
    struct Named {
        std::string_view name;
        Relation relation;
    };
    static constexpr Named kFloat[] = {{"equ", Relation::Equ}, {"neu", Relation::Neu}, {"ltu", Relation::Ltu},
                                       {"leu", Relation::Leu}, {"gtu", Relation::Gtu}, {"geu", Relation::Geu},
                                       {"num", Relation::Num}, {"nan", Relation::Nan}};
    // lo, ls, hi and hs are names of the unsigned relations.
    static constexpr Named kAll[] = {{"eq", Relation::Eq}, {"ne", Relation::Ne}, {"lt", Relation::Lt}, {"le", Relation::Le},
                                     {"gt", Relation::Gt}, {"ge", Relation::Ge}, {"lo", Relation::Lt}, {"ls", Relation::Le},
                                     {"hi", Relation::Gt}, {"hs", Relation::Ge}};
    for (const Named& known : kAll) {
        if (known.name == name) return relation = known.relation, true;
    }
    for (const Named& known : kFloat) {
        if (type.is_float() && known.name == name) return relation = known.relation, true;
    }
    return false;
}

Relation take_relation(Modifiers& m, Type type) {
    Relation relation;
    std::string_view name = m.first();
    if (!parse_relation(name, type, relation)) m.unknown();
    m.take(name);
    return relation;
}

void translate_setp(Translator& t, const Statement& s, Modifiers& m) {
    const Type type = m.take_type();
    const Relation relation = take_relation(m, type);
    const bool flush = m.take("ftz");
    if (flush && (type.kind != 'f' || type.bits != 32)) m.unknown();
    std::string_view combine = m.take_one({"and", "or", "xor"});
    m.finish();
    Handler handler = by_type<SetPredicate>(s, type, relation);
    if (handler == nullptr) m.unknown();
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type);
    std::uint16_t mode = combine == "and" ? 1 : combine == "or" ? 2 : combine == "xor" ? 3 : 0;
    Slot c = 0;
    if (mode != 0) {
        if (s.operands.size() != 4) t.fail("another number of operands");
        c = t.in_predicate(s.operands[3]);
        if (s.operands[3].negated) mode |= kNegate;
    }
    if (flush) mode |= kFlush;
    Slot d, other = 0;
    if (s.operands[0].kind == Operand::Kind::Pair) {
        d = t.out_predicate(s.operands[0].items[0]);
        other = t.out_predicate(s.operands[0].items[1]);
    } else {
        d = t.out_predicate(s.operands[0]);
    }
    Instruction& i = t.add(handler);
    i.d = d, i.a = a, i.b = b, i.c = c, i.mode = mode, i.immediate = other;
}

void translate_set(Translator& t, const Statement& s, Modifiers& m) {
    const Type type = m.take_type(), result = m.take_type();
    const Relation relation = take_relation(m, type);
    m.finish();
    Handler handler = by_type<SetValue>(s, type, relation);
    if (handler == nullptr || result.bits != 32) m.unknown();
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type), d = t.out(s.operands[0], result);
    Instruction& i = t.add(handler);
    i.d = d, i.a = a, i.b = b, i.immediate = result.is_float() ? 0x3F800000u : 0xFFFFFFFFu;
}

template <typename U>
void run_selp(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<U>(i.d);
    const auto* a = warp.in<U>(i.a);
    const auto* b = warp.in<U>(i.b);
    const std::uint32_t c = warp.predicate(i.c) ^ (i.mode != 0 ? ~0u : 0);
    if (lanes == kAllLanes) {
#pragma GCC ivdep
        for (unsigned lane = 0; lane < kWarpLanes; lane++) {
            const U chosen = U{0} - static_cast<U>(c >> lane & 1);
            d[lane] = (a[lane] & chosen) | (b[lane] & ~chosen);
        }
        return;
    }
    for_lanes(lanes, [&](unsigned lane) { d[lane] = (c >> lane & 1) != 0 ? a[lane] : b[lane]; });
}

void translate_selp(Translator& t, const Statement& s, Modifiers& m) {
    const Type type = m.take_type();
    m.finish();
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type), c = t.in_predicate(s.operands[3]);
    const Slot d = t.out(s.operands[0], type);
    Instruction& i = t.add(type.bits == 64 ? &run_selp<std::uint64_t> : &run_selp<std::uint32_t>);
    i.d = d, i.a = a, i.b = b, i.c = c, i.mode = s.operands[3].negated ? 1 : 0;
}

template <typename U, typename C>
void run_slct(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<U>(i.d);
    const auto* a = warp.in<U>(i.a);
    const auto* b = warp.in<U>(i.b);
    const auto* c = warp.in<std::uint32_t>(i.c);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = std::bit_cast<C>(c[lane]) >= C{0} ? a[lane] : b[lane]; });
}

void translate_slct(Translator& t, const Statement& s, Modifiers& m) {
    const Type by = m.take_type(), type = m.take_type();
    m.take("ftz");
    m.finish();
    if (by.bits != 32) m.unknown();
    const Slot a = t.in(s.operands[1], type), b = t.in(s.operands[2], type), c = t.in(s.operands[3], by);
    const Slot d = t.out(s.operands[0], type);
    Handler handler = type.bits == 64
                          ? (by.is_float() ? &run_slct<std::uint64_t, float> : &run_slct<std::uint64_t, std::int32_t>)
                          : (by.is_float() ? &run_slct<std::uint32_t, float> : &run_slct<std::uint32_t, std::int32_t>);
    Instruction& i = t.add(handler);
    i.d = d, i.a = a, i.b = b, i.c = c;
}

template <typename T>
void run_testp(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const auto* a = warp.in<SlotValue<T>>(i.a);
    std::uint32_t made = 0;
    for_lanes(lanes, [&](unsigned lane) {
        const T value = from_slot<T>(a[lane]);
        const int kind = std::fpclassify(value);
        const bool tests[] = {kind != FP_NAN && kind != FP_INFINITE,
                              kind == FP_INFINITE,
                              kind != FP_NAN,
                              kind == FP_NAN,
                              kind == FP_NORMAL,
                              kind == FP_SUBNORMAL};
        made |= (tests[i.mode] ? 1u : 0u) << lane;
    });
    warp.set_predicate(i.d, lanes, made);
}

void translate_testp(Translator& t, const Statement& s, Modifiers& m) {
    const Type type = m.take_type();
    constexpr std::string_view kTests[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
    std::uint16_t mode = 0;
    while (mode < 6 && !m.take(kTests[mode])) mode++;
    m.finish();
    if (mode == 6 || type.kind != 'f') m.unknown();
    const Slot a = t.in(s.operands[1], type), d = t.out_predicate(s.operands[0]);
    Instruction& i = t.add(type.bits == 64 ? &run_testp<double> : &run_testp<float>);
    i.d = d, i.a = a, i.mode = mode;
}

}  // namespace

void add_compare(TranslateTable& table) {
    table["setp"] = &translate_setp;
    table["set"] = &translate_set;
    table["selp"] = &translate_selp;
    table["slct"] = &translate_slct;
    table["testp"] = &translate_testp;
}

}  // namespace emu::ptx
