// Branches, calls, ends, and the pseudo-instructions that the flow analysis puts between.
#include "emulator/ptx/control.h"

#include "emulator/ptx/cta.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/warp.h"

namespace emu::ptx {

void run_exit(Warp& warp, const Instruction&, std::uint32_t lanes) {
    warp.exit_lanes(lanes);
}

void run_branch(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.branch(i, lanes);
}

void run_join(Warp& warp, const Instruction& i, std::uint32_t) {
    warp.join(i);
}

void run_check_defined(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const std::uint32_t missing = lanes & ~warp.defined[i.a];
    if (missing == 0) return;
    report(warp, static_cast<unsigned>(std::countr_zero(missing)), Defect::UnwrittenRegisterRead,
           "the lane has never written register number %d of the function, which is an operand",
           warp.cta->cluster->work->program->tracked_registers[i.a]);
}

void run_mark_defined(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.defined[i.a] |= lanes;
}

void run_mark_changed(Warp& warp, const Instruction& i, std::uint32_t) {
    if (warp.wgmma != nullptr) warp.wgmma->changed[i.a] = ++warp.wgmma->time;
}

bool is_pseudo(Handler handler) {
    return handler == &run_join || handler == &run_check_defined || handler == &run_mark_defined ||
           handler == &run_mark_changed || handler == &run_mark_copied;
}

void run_mark_copied(Warp& warp, const Instruction& i, std::uint32_t) {
    if (warp.wgmma != nullptr) warp.wgmma->changed[i.a] = i.b == kNoSource ? 0 : warp.wgmma->changed[i.b];
}

namespace {

void translate_bra(Translator& t, const Statement& s, Modifiers& m) {
    m.take("uni");
    m.finish();
    t.add_branch(&run_branch, t.label(s.operands.at(0)));
}

void translate_ret(Translator& t, const Statement&, Modifiers& m) {
    m.take("uni");
    m.finish();
    if (t.in_call())
        t.add_branch(&run_branch, t.end_label());
    else
        t.add_exit(&run_exit);
}

void translate_exit(Translator& t, const Statement&, Modifiers& m) {
    m.finish();
    t.add_exit(&run_exit);
}

void run_trap(Warp& warp, const Instruction&, std::uint32_t lanes) {
    report(warp, static_cast<unsigned>(std::countr_zero(lanes)), Defect::Trap, "the kernel gave up");
}

void translate_trap(Translator& t, const Statement&, Modifiers& m) {
    m.finish();
    t.add(&run_trap);
}

void translate_call(Translator& t, const Statement& s, Modifiers& m) {
    m.take("uni");
    m.finish();
    std::vector<Operand> returns, arguments;
    std::size_t next = 0;
    if (next < s.operands.size() && s.operands[next].kind == Operand::Kind::Vector) returns = s.operands[next++].items;
    if (next >= s.operands.size() || s.operands[next].kind != Operand::Kind::Name)
        t.fail("a call through a pointer is not known");
    const std::string name(s.operands[next++].text);
    if (next < s.operands.size() && s.operands[next].kind == Operand::Kind::Vector) arguments = s.operands[next].items;
    t.call(s, name, returns, arguments);
}

void run_nothing(Warp&, const Instruction&, std::uint32_t) {}

void run_sleep(Warp& warp, const Instruction&, std::uint32_t) {
    warp.yield_at(*warp.pc);
}

void translate_sleep(Translator& t, const Statement&, Modifiers& m) {
    m.take_type();
    m.finish();
    t.add(&run_sleep);
}

void translate_debug(Translator& t, const Statement&, Modifiers&) {
    t.add(&run_nothing);
}

}  // namespace

void add_control(TranslateTable& table) {
    table["bra"] = &translate_bra;
    table["ret"] = &translate_ret;
    table["exit"] = &translate_exit;
    table["trap"] = &translate_trap;
    table["call"] = &translate_call;
    table["nanosleep"] = &translate_sleep;
    table["brkpt"] = &translate_debug;
    table["pmevent"] = &translate_debug;
}

}  // namespace emu::ptx
