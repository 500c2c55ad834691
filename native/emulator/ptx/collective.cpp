// Instructions in which the lanes of a warp meet: shuffles, votes, matches, reductions, elections.
#include <algorithm>
#include <bit>

#include "emulator/ptx/cta.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

/// The members' mask of the instruction, the same for all lanes that execute it; meets the others. 0 when lanes are missing.
std::uint32_t meet(Warp& warp, const Instruction& i, std::uint32_t lanes, Slot mask, bool anywhere = false) {
    const auto* members = warp.in<std::uint32_t>(mask);
    const std::uint32_t first = members[std::countr_zero(lanes)];
    std::uint32_t same = 0;
    for_lanes(lanes, [&](unsigned lane) { same |= (members[lane] == first ? 1u : 0u) << lane; });
    if (same != lanes) {
        const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes & ~same));
        report(warp, lane, Defect::ShuffleUnderDivergence,
               "lanes at one warp operation name different members (0x%08x and 0x%08x)", first, members[lane]);
    }
    return warp.collect(i, lanes, first, anywhere);
}

enum class Shuffle : std::uint16_t { Up, Down, Bfly, Idx };

/// a value, b lane or distance, list[0] clamp and segment, list[1] members; immediate is the predicate, 0 without one.
void run_shfl(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    lanes = meet(warp, i, lanes, i.list[1]);
    if (lanes == 0) return;
    std::uint32_t values[kWarpLanes];
    std::memcpy(values, warp.in<std::uint32_t>(i.a), sizeof values);
    const auto* b = warp.in<std::uint32_t>(i.b);
    const auto* c = warp.in<std::uint32_t>(i.list[0]);
    std::uint32_t results[kWarpLanes], valid = 0;
    for_lanes(lanes, [&](unsigned lane) {
        const unsigned by = b[lane] & 31, clamp = c[lane] & 31, segment = c[lane] >> 8 & 31;
        const unsigned highest = (lane & segment) | (clamp & ~segment), lowest = lane & segment;
        int from = 0;
        bool inside = false;
        switch (static_cast<Shuffle>(i.mode)) {
            case Shuffle::Up:
                from = static_cast<int>(lane) - static_cast<int>(by);
                inside = from >= static_cast<int>(highest);
                break;
            case Shuffle::Down:
                from = static_cast<int>(lane + by);
                inside = from <= static_cast<int>(highest);
                break;
            case Shuffle::Bfly:
                from = static_cast<int>(lane ^ by);
                inside = from <= static_cast<int>(highest);
                break;
            case Shuffle::Idx:
                from = static_cast<int>(lowest | (by & ~segment));
                inside = from <= static_cast<int>(highest);
                break;
        }
        if (!inside) from = static_cast<int>(lane);
        if ((lanes >> from & 1) == 0) {
            report(warp, lane, Defect::ShuffleUnderDivergence, "the lane asks for the value of lane %d, which does not take part",
                   from);
        }
        results[lane] = values[from];
        valid |= (inside ? 1u : 0u) << lane;
    });
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = results[lane]; });
    if (i.immediate != 0) warp.set_predicate(static_cast<Slot>(i.immediate), lanes, valid);
}

void translate_shfl(Translator& t, const Statement& s, Modifiers& m) {
    m.take("sync");
    const Type type = m.take_type();
    std::string_view kind = m.take_one({"up", "down", "bfly", "idx"});
    m.finish();
    if (type.bits != 32 || kind.empty() || s.operands.size() != 5) m.unknown();
    const Slot a = t.in(s.operands[1], type), b = t.in_bits(s.operands[2], 32);
    const Slot* list = t.list({t.in_bits(s.operands[3], 32), t.in_bits(s.operands[4], 32)});
    Slot d, valid = 0;
    if (s.operands[0].kind == Operand::Kind::Pair) {
        d = t.out(s.operands[0].items[0], type);
        valid = t.out_predicate(s.operands[0].items[1]);
    } else {
        d = t.out(s.operands[0], type);
    }
    Instruction& i = t.add(&run_shfl);
    i.d = d, i.a = a, i.b = b, i.list = list, i.immediate = valid;
    i.mode = static_cast<std::uint16_t>(kind == "up"     ? Shuffle::Up
                                        : kind == "down" ? Shuffle::Down
                                        : kind == "bfly" ? Shuffle::Bfly
                                                         : Shuffle::Idx);
}

enum class Vote : std::uint16_t { Ballot, All, Any, Uni };

void run_vote(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    lanes = meet(warp, i, lanes, i.b);
    if (lanes == 0) return;
    const std::uint32_t votes = (warp.predicate(i.a) ^ (i.immediate != 0 ? ~0u : 0)) & lanes;
    switch (static_cast<Vote>(i.mode)) {
        case Vote::Ballot: {
            auto* d = warp.out<std::uint32_t>(i.d);
            for_lanes(lanes, [&](unsigned lane) { d[lane] = votes; });
            break;
        }
        case Vote::All:
            warp.set_predicate(i.d, lanes, votes == lanes ? ~0u : 0);
            break;
        case Vote::Any:
            warp.set_predicate(i.d, lanes, votes != 0 ? ~0u : 0);
            break;
        case Vote::Uni:
            warp.set_predicate(i.d, lanes, votes == 0 || votes == lanes ? ~0u : 0);
            break;
    }
}

void translate_vote(Translator& t, const Statement& s, Modifiers& m) {
    if (!m.take("sync")) m.unknown();
    m.take_type();
    std::string_view kind = m.take_one({"ballot", "all", "any", "uni"});
    m.finish();
    if (kind.empty() || s.operands.size() != 3) m.unknown();
    const std::uint16_t a = t.in_predicate(s.operands[1]);
    const Slot b = t.in_bits(s.operands[2], 32);
    const Slot d = kind == "ballot" ? t.out_bits(s.operands[0], 32) : t.out_predicate(s.operands[0]);
    Instruction& i = t.add(&run_vote);
    i.d = d, i.a = a, i.b = b, i.immediate = s.operands[1].negated ? 1 : 0;
    i.mode = static_cast<std::uint16_t>(kind == "ballot" ? Vote::Ballot
                                        : kind == "all"  ? Vote::All
                                        : kind == "any"  ? Vote::Any
                                                         : Vote::Uni);
}

/// match.any: the lanes that have the same value; match.all: all lanes when they all have, and a predicate that says so.
template <typename U>
void run_match(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    lanes = meet(warp, i, lanes, i.b);
    if (lanes == 0) return;
    U values[kWarpLanes];
    std::memcpy(values, warp.in<U>(i.a), sizeof values);
    std::uint32_t made[kWarpLanes] = {};
    bool all = true;
    for_lanes(lanes, [&](unsigned lane) {
        for_lanes(lanes, [&](unsigned other) { made[lane] |= (values[lane] == values[other] ? 1u : 0u) << other; });
        all = all && made[lane] == lanes;
    });
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = i.mode == 0 ? made[lane] : all ? lanes : 0; });
    if (i.mode != 0 && i.immediate != 0) warp.set_predicate(static_cast<Slot>(i.immediate), lanes, all ? ~0u : 0);
}

void translate_match(Translator& t, const Statement& s, Modifiers& m) {
    m.take("sync");
    const Type type = m.take_type();
    const bool all = m.take_one({"any", "all"}) == "all";
    m.finish();
    const Slot a = t.in(s.operands[1], type), b = t.in_bits(s.operands[2], 32);
    Slot d, same = 0;
    if (s.operands[0].kind == Operand::Kind::Pair) {
        d = t.out_bits(s.operands[0].items[0], 32);
        same = t.out_predicate(s.operands[0].items[1]);
    } else {
        d = t.out_bits(s.operands[0], 32);
    }
    Instruction& i = t.add(type.bits == 64 ? &run_match<std::uint64_t> : &run_match<std::uint32_t>);
    i.d = d, i.a = a, i.b = b, i.mode = all ? 1 : 0, i.immediate = same;
}

enum class Reduction : std::uint16_t { Add, Min, Max, And, Or, Xor };

template <typename T>
void run_redux(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    lanes = meet(warp, i, lanes, i.b);
    if (lanes == 0) return;
    const auto* a = warp.in<std::uint32_t>(i.a);
    const auto kind = static_cast<Reduction>(i.mode);
    bool first = true;
    T made{};
    for_lanes(lanes, [&](unsigned lane) {
        const T value = static_cast<T>(a[lane]);
        if (first)
            made = value;
        else if (kind == Reduction::Add)
            made = static_cast<T>(static_cast<std::uint32_t>(made) + static_cast<std::uint32_t>(value));
        else if (kind == Reduction::Min)
            made = std::min(made, value);
        else if (kind == Reduction::Max)
            made = std::max(made, value);
        else if (kind == Reduction::And)
            made = made & value;
        else if (kind == Reduction::Or)
            made = made | value;
        else
            made = made ^ value;
        first = false;
    });
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = static_cast<std::uint32_t>(made); });
}

void translate_redux(Translator& t, const Statement& s, Modifiers& m) {
    m.take("sync");
    const Type type = m.take_type();
    constexpr std::string_view kNames[] = {"add", "min", "max", "and", "or", "xor"};
    std::uint16_t mode = 0;
    while (mode < 6 && !m.take(kNames[mode])) mode++;
    m.finish();
    if (mode == 6 || type.is_float() || type.bits != 32) m.unknown();
    const Slot a = t.in(s.operands[1], type), b = t.in_bits(s.operands[2], 32), d = t.out(s.operands[0], type);
    Instruction& i = t.add(type.is_signed() ? &run_redux<std::int32_t> : &run_redux<std::uint32_t>);
    i.d = d, i.a = a, i.b = b, i.mode = mode;
}

/// The lowest lane is elected; the ISA leaves open which, but says that it is always the same.
void run_elect(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    lanes = meet(warp, i, lanes, i.b);
    if (lanes == 0) return;
    const auto leader = static_cast<std::uint32_t>(std::countr_zero(lanes));
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = leader; });
    warp.set_predicate(i.a, lanes, 1u << leader);
}

void translate_elect(Translator& t, const Statement& s, Modifiers& m) {
    m.take("sync");
    m.finish();
    if (s.operands.size() != 2 || s.operands[0].kind != Operand::Kind::Pair) t.fail("other operands");
    const Slot b = t.in_bits(s.operands[1], 32), d = t.out_bits(s.operands[0].items[0], 32);
    const std::uint16_t chosen = t.out_predicate(s.operands[0].items[1]);
    Instruction& i = t.add(&run_elect);
    i.d = d, i.a = chosen, i.b = b;
}

void run_activemask(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = lanes; });
}

void translate_activemask(Translator& t, const Statement& s, Modifiers& m) {
    m.take_type();
    m.finish();
    const Slot d = t.out_bits(s.operands[0], 32);
    t.add(&run_activemask).d = d;
}

}  // namespace

/// bar.warp.sync: the lanes of a mask meet, wherever each of them is. Called by the barriers' translation.
void run_warp_barrier(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    meet(warp, i, lanes, i.a, true);
}

void add_collective(TranslateTable& table) {
    table["shfl"] = &translate_shfl;
    table["vote"] = &translate_vote;
    table["match"] = &translate_match;
    table["redux"] = &translate_redux;
    table["elect"] = &translate_elect;
    table["activemask"] = &translate_activemask;
}

}  // namespace emu::ptx
