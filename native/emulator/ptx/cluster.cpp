// Blocks of a cluster find each other: mapa, getctarank. And what only changes how the hardware shares itself out: setmaxnreg,
// griddepcontrol.
#include "emulator/ptx/address.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/values.h"

namespace emu::ptx {
namespace {

template <typename U>
void run_mapa(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<U>(i.d);
    const auto* a = warp.in<U>(i.a);
    const auto* b = warp.in<std::uint32_t>(i.b);
    const unsigned size = warp.cta->cluster->size();
    for_lanes(lanes, [&](unsigned lane) {
        if (b[lane] >= size)
            report(warp, lane, Defect::OutOfBoundsShared, "mapa to rank %u of a cluster of %u blocks", b[lane], size);
        const std::uint64_t base = a[lane] + i.immediate, window = base / kWindowBytes * kWindowBytes;
        d[lane] = static_cast<U>(window | (base & kOffsetMask) | std::uint64_t{b[lane] + 1} << kRankShift);
    });
}

void translate_mapa(Translator& t, const Statement& s, Modifiers& m) {
    m.take("shared::cluster");
    const Type type = m.take_type();
    m.finish();
    const Slot a = t.in(s.operands.at(1), type), b = t.in_bits(s.operands.at(2), 32), d = t.out(s.operands[0], type);
    Instruction& i = t.add(type.bits == 64 ? &run_mapa<std::uint64_t> : &run_mapa<std::uint32_t>);
    i.d = d, i.a = a, i.b = b;
}

template <typename U>
void run_getctarank(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    auto* d = warp.out<std::uint32_t>(i.d);
    const auto* a = warp.in<U>(i.a);
    for_lanes(lanes, [&](unsigned lane) {
        const auto rank = static_cast<std::uint32_t>(a[lane] % kWindowBytes >> kRankShift);
        d[lane] = rank == 0 ? warp.cta->rank : rank - 1;
    });
}

void translate_getctarank(Translator& t, const Statement& s, Modifiers& m) {
    m.take("shared::cluster");
    const Type type = m.take_type();
    m.finish();
    const Slot a = t.in(s.operands.at(1), type), d = t.out_bits(s.operands[0], 32);
    Instruction& i = t.add(type.bits == 64 ? &run_getctarank<std::uint64_t> : &run_getctarank<std::uint32_t>);
    i.d = d, i.a = a;
}

/// Registers are taken from and given back to a pool of the block; who asks for more than there is would wait until others give.
void run_setmaxnreg(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.require_aligned(i, lanes);
    const auto wanted = static_cast<unsigned>(i.immediate);
    Cta& cta = *warp.cta;
    const bool increases = i.mode != 0;
    // Without .maxnreg the text does not say what a thread has at the start: only the most that it can be. To ask for less is no
    // defect.
    if (increases && wanted < warp.register_budget && cta.cluster->work->program->max_registers == 0) {
        cta.registers_free += warp.register_budget - wanted;
        cta.cluster->note_progress();
        warp.register_budget = wanted;
        return;
    }
    if (increases ? wanted < warp.register_budget : wanted > warp.register_budget) {
        report(warp, 0, Defect::RegisterBudget, "setmaxnreg to %u registers, and the warp has %u", wanted, warp.register_budget);
    }
    if (increases) {
        const unsigned more = wanted - warp.register_budget;
        if (more > cta.registers_free) {
            // Waits for other warps to give registers back.
            warp.pc = &i;
            warp.yield_after_poll();
            return;
        }
        cta.registers_free -= more;
    } else {
        cta.registers_free += warp.register_budget - wanted;
        cta.cluster->note_progress();
    }
    warp.register_budget = wanted;
}

void translate_setmaxnreg(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view kind = m.take_one({"inc", "dec"});
    if (!m.take("sync") || !m.take("aligned") || kind.empty()) m.unknown();
    m.take_type();
    m.finish();
    const std::uint64_t wanted = t.immediate(s.operands.at(0));
    if (wanted < 24 || wanted > 256 || wanted % 8 != 0) t.fail("a number of registers that is no multiple of 8 from 24 to 256");
    Instruction& i = t.add(&run_setmaxnreg);
    i.immediate = wanted, i.mode = kind == "inc" ? 1 : 0;
}

void run_nothing(Warp&, const Instruction&, std::uint32_t) {}

/// Launches run one after another here: what a launch depends on has ended.
void translate_griddepcontrol(Translator& t, const Statement&, Modifiers& m) {
    if (m.take_one({"launch_dependents", "wait"}).empty()) m.unknown();
    m.finish();
    t.add(&run_nothing);
}

}  // namespace

void add_cluster(TranslateTable& table) {
    table["mapa"] = &translate_mapa;
    table["getctarank"] = &translate_getctarank;
    table["setmaxnreg"] = &translate_setmaxnreg;
    table["griddepcontrol"] = &translate_griddepcontrol;
}

}  // namespace emu::ptx
