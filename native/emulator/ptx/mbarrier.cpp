#include "emulator/ptx/mbarrier.h"

#include <algorithm>

#include "emulator/ptx/address.h"
#include "emulator/ptx/mbarrier_ops.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {
namespace {

constexpr std::uint32_t kMaxCount = (1u << 20) - 1;
constexpr std::int32_t kMaxTransactions = (1 << 20) - 1;

/// The eight bytes of an mbarrier, of which programs know nothing.
struct State {
    std::uint32_t pending, expected;
    std::int32_t transactions;
    std::uint32_t phase;  // its parity

    static State load(Cta& block, std::uint32_t offset) {
        std::uint64_t word;
        std::memcpy(&word, block.shared.data() + offset, 8);
        return {static_cast<std::uint32_t>(word & 0xFFFFF), static_cast<std::uint32_t>(word >> 20 & 0xFFFFF),
                static_cast<std::int32_t>(static_cast<std::int64_t>(word << 2) >> 42),
                static_cast<std::uint32_t>(word >> 62 & 1)};
    }
    std::uint64_t word() const {
        return pending | std::uint64_t{expected} << 20 | (static_cast<std::uint64_t>(transactions) & 0x3FFFFF) << 40 |
               std::uint64_t{phase} << 62;
    }
    void store(Cta& block, std::uint32_t offset) const {
        const std::uint64_t bits = word();
        std::memcpy(block.shared.data() + offset, &bits, 8);
    }
};

void finish_change(Cta& block, std::uint32_t offset, State state) {
    if (state.pending == 0 && state.transactions == 0) {
        state.pending = state.expected;
        state.phase ^= 1;
        MbarrierClock& clock = block.mbarriers.at(offset);
        clock.completed = clock.current;
        block.cluster->note_progress();
    }
    state.store(block, offset);
}

State checked(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset) {
    if (&block == warp.cta) {
        block.shared.check_barrier_object(warp, lane, offset);
    } else if (offset % 8 != 0 || block.shared.state(offset) != kBarrierObject) {
        report(warp, lane, Defect::BarrierMisuse, "no mbarrier has been initialised at address %u of block %u's shared memory",
               offset, block.rank);
    }
    return State::load(block, offset);
}

void add_bytes(Warp& warp, unsigned lane, State& state, std::int64_t bytes) {
    const std::int64_t sum = state.transactions + bytes;
    if (sum < -kMaxTransactions || sum > kMaxTransactions) {
        report(warp, lane, Defect::BarrierMisuse, "an mbarrier's transaction count of %lld is out of its range",
               static_cast<long long>(sum));
    }
    state.transactions = static_cast<std::int32_t>(sum);
}

void publish(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset) {
    if (&block != warp.cta) return;
    (void)lane;
    warp.release_to(block.mbarriers.at(offset).current);
}

}  // namespace

MbarrierClock& MbarrierClocks::at(std::uint32_t offset) {
    for (unsigned i = 0; i < used_; i++) {
        if (clocks_[i].offset == offset) return clocks_[i];
    }
    if (used_ == clocks_.size()) clocks_.emplace_back();
    clocks_[used_] = {offset, used_, {}, {}};
    return clocks_[used_++];
}

Epoch MbarrierClocks::land(std::uint32_t offset, unsigned warps) {
    if (warps >= kMaxWarps) return 0;
    MbarrierClock& clock = at(offset);
    const unsigned warp = warps + clock.number % (kMaxWarps - warps);
    clock.current.seen[warp] = ++landings_[warp];
    return make_epoch(warp * kWarpLanes, landings_[warp]);
}

void add_transactions(Cta& block, std::uint32_t offset, std::int64_t bytes) {
    State state = State::load(block, offset);
    state.transactions = static_cast<std::int32_t>(state.transactions + bytes);
    finish_change(block, offset, state);
}

MbarrierCounts mbarrier_counts(Cta& block, std::uint32_t offset) {
    const State state = State::load(block, offset);
    return {state.pending, state.expected, state.phase, state.transactions};
}

std::uint64_t arrive_at_mbarrier(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset, std::uint32_t count,
                                 std::int64_t expect) {
    State state = checked(warp, lane, block, offset);
    const std::uint64_t token = state.word();
    if (count > state.pending) {
        report(warp, lane, Defect::BarrierMisuse,
               "%u arrivals at the mbarrier at address %u, whose phase waits for %u more of %u", count, offset, state.pending,
               state.expected);
    }
    publish(warp, lane, block, offset);
    if (expect != 0) add_bytes(warp, lane, state, expect);
    state.pending -= count;
    finish_change(block, offset, state);
    return token;
}

void add_pending(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset) {
    State state = checked(warp, lane, block, offset);
    state.pending++;
    state.store(block, offset);
}

void join_mbarrier(Warp& warp, unsigned lane, Cta& block, std::uint32_t offset) {
    checked(warp, lane, block, offset);
    publish(warp, lane, block, offset);
}

namespace {

enum class Action : std::uint16_t { Init, Inval, Arrive, ArriveDrop, ExpectTx, CompleteTx };

/// mode low bits: the action; bit 4: b holds bytes to expect at an arrival, else the count; bit 5: d takes the state.
constexpr std::uint16_t kActionMask = 15, kExpects = 16, kHasResult = 32;

void run_action(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    const auto* b = warp.in<std::uint32_t>(i.b);
    const auto action = static_cast<Action>(i.mode & kActionMask);
    for_lanes(lanes, [&](unsigned lane) {
        const std::uint64_t address = addresses[lane] % kWindowBytes;
        Cta& block = shared_block(warp, lane, address);
        const auto offset = static_cast<std::uint32_t>(address & kOffsetMask);
        std::uint64_t token = 0;
        switch (action) {
            case Action::Init:
                if (b[lane] == 0 || b[lane] > kMaxCount) {
                    report(warp, lane, Defect::BarrierMisuse, "an mbarrier for %u arrivals", b[lane]);
                }
                // Lanes of one instruction may all initialise it, to the same count, as they may all store the same value.
                if (std::any_of(&addresses[0], &addresses[lane], [&](const std::uint64_t& other) {
                        const auto before = static_cast<unsigned>(&other - addresses);
                        return (lanes >> before & 1) != 0 && other == addresses[lane] && b[before] == b[lane];
                    }))
                    break;
                block.shared.make_barrier_object(warp, lane, offset);
                block.mbarriers.at(offset).current = block.mbarriers.at(offset).completed = {};
                State{b[lane], b[lane], 0, 0}.store(block, offset);
                break;
            case Action::Inval:
                checked(warp, lane, block, offset);
                block.shared.unmake_barrier_object(offset);
                break;
            case Action::ArriveDrop: {
                State state = checked(warp, lane, block, offset);
                const std::uint32_t count = (i.mode & kExpects) != 0 ? 1 : b[lane];
                if (count > state.expected)
                    report(warp, lane, Defect::BarrierMisuse, "%u arrivals are dropped of %u", count, state.expected);
                state.expected -= count;
                state.store(block, offset);
                [[fallthrough]];
            }
            case Action::Arrive:
                token = (i.mode & kExpects) != 0 ? arrive_at_mbarrier(warp, lane, block, offset, 1, b[lane])
                                                 : arrive_at_mbarrier(warp, lane, block, offset, b[lane], 0);
                break;
            case Action::ExpectTx:
            case Action::CompleteTx: {
                State state = checked(warp, lane, block, offset);
                add_bytes(warp, lane, state, action == Action::ExpectTx ? std::int64_t{b[lane]} : -std::int64_t{b[lane]});
                if (action == Action::ExpectTx)
                    state.store(block, offset);
                else
                    finish_change(block, offset, state);
                break;
            }
        }
        if ((i.mode & kHasResult) != 0) warp.out<std::uint64_t>(i.d)[lane] = token;
    });
}

/// b: parity (32 bits) or state (64 bits, mode bit 0). d: predicate.
void run_wait(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    std::uint32_t complete = 0;
    for_lanes(lanes, [&](unsigned lane) {
        const std::uint64_t address = addresses[lane] % kWindowBytes;
        Cta& block = shared_block(warp, lane, address);
        const auto offset = static_cast<std::uint32_t>(address & kOffsetMask);
        const State state = checked(warp, lane, block, offset);
        const std::uint32_t parity = (i.mode & 1) != 0 ? static_cast<std::uint32_t>(warp.in<std::uint64_t>(i.b)[lane] >> 62 & 1)
                                                       : warp.in<std::uint32_t>(i.b)[lane] & 1;
        if (state.phase == parity) return;
        complete |= 1u << lane;
        if (&block == warp.cta) warp.acquire_from(block.mbarriers.at(offset).completed);
    });
    warp.set_predicate(i.d, lanes, complete);
    if (complete == 0) warp.yield_after_poll();
}

void run_pending_count(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    const auto* a = warp.in<std::uint64_t>(i.a);
    auto* d = warp.out<std::uint32_t>(i.d);
    for_lanes(lanes, [&](unsigned lane) { d[lane] = static_cast<std::uint32_t>(a[lane] & 0xFFFFF); });
}

void take_scope(Modifiers& m) {
    m.take_one({"release", "relaxed", "acquire"});
    m.take_one({"cta", "cluster"});
    m.take_one({"shared", "shared::cta", "shared::cluster"});
    m.take("b64");
}

void translate_wait(Translator& t, const Statement& s, Modifiers& m) {
    const bool parity = m.take("parity");
    take_scope(m);
    m.finish();
    if (s.operands.size() < 3 || s.operands.size() > 4) t.fail("another number of operands");
    const Address address = t.address(s.operands[1]);
    const Slot b = t.in_bits(s.operands[2], parity ? 32 : 64);
    // A fourth operand only limits how long the hardware may let the thread sleep.
    if (s.operands.size() == 4) t.in_bits(s.operands[3], 32);
    const std::uint16_t d = t.out_predicate(s.operands[0]);
    Instruction& i = t.add(&run_wait);
    i.d = d, i.b = b, i.mode = parity ? 0 : 1;
    set_address(i, address);
}

void translate_mbarrier(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view kind = m.take_one(
        {"init", "inval", "arrive", "arrive_drop", "expect_tx", "complete_tx", "test_wait", "try_wait", "pending_count"});
    if (kind == "test_wait" || kind == "try_wait") {
        translate_wait(t, s, m);
        return;
    }
    if (kind == "pending_count") {
        m.take("b64");
        m.finish();
        const Slot a = t.in_bits(s.operands.at(1), 64), d = t.out_bits(s.operands[0], 32);
        Instruction& i = t.add(&run_pending_count);
        i.d = d, i.a = a;
        return;
    }
    std::uint16_t mode = 0;
    const bool arrives = kind == "arrive" || kind == "arrive_drop";
    if (arrives && m.take("expect_tx")) mode |= kExpects;
    if (m.take("noComplete")) m.unknown();
    take_scope(m);
    m.finish();
    if (kind.empty()) m.unknown();
    std::size_t next = 0;
    Slot d = 0;
    if (arrives && s.operands.at(0).kind != Operand::Kind::Address) {
        if (s.operands[0].kind != Operand::Kind::Discard) d = t.out_bits(s.operands[0], 64), mode |= kHasResult;
        next = 1;
    }
    const Address address = t.address(s.operands.at(next));
    Slot b = t.constant(1, false);
    if (next + 1 < s.operands.size())
        b = t.in_bits(s.operands[next + 1], 32);
    else if (kind != "inval" && (!arrives || (mode & kExpects) != 0))
        t.fail("another number of operands");
    const Action action = kind == "init"          ? Action::Init
                          : kind == "inval"       ? Action::Inval
                          : kind == "arrive"      ? Action::Arrive
                          : kind == "arrive_drop" ? Action::ArriveDrop
                          : kind == "expect_tx"   ? Action::ExpectTx
                                                  : Action::CompleteTx;
    Instruction& i = t.add(&run_action);
    i.d = d, i.b = b, i.mode = static_cast<std::uint16_t>(mode | static_cast<unsigned>(action));
    set_address(i, address);
}

}  // namespace

void add_mbarrier(TranslateTable& table) {
    table["mbarrier"] = &translate_mbarrier;
}

}  // namespace emu::ptx
