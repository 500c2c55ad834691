#include "emulator/ptx/async_copy.h"

#include <algorithm>
#include <cstring>

#include "emulator/ptx/address.h"
#include "emulator/ptx/bulk_copy.h"
#include "emulator/ptx/mbarrier_ops.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {

void AsyncCopyQueue::start() {
    pending.clear();
    committed.fill(0);
}

void AsyncCopyQueue::land(Warp& warp, AsyncCopy& copy, std::uint32_t lanes) {
    lanes &= copy.lanes;
    for_lanes(lanes, [&](unsigned lane) {
        warp.cta->shared.land(copy.targets[lane], copy.data[lane].data(), copy.bytes, kWrittenByAsync, warp.epoch(lane));
    });
    copy.lanes &= ~lanes;
}

void AsyncCopyQueue::drop_landed() {
    std::erase_if(pending, [](const AsyncCopy& copy) { return copy.lanes == 0; });
}

void AsyncCopyQueue::wait(Warp& warp, std::uint32_t lanes, std::uint32_t outstanding) {
    for (AsyncCopy& copy : pending) {
        std::uint32_t due = 0;
        for_lanes(lanes & copy.lanes,
                  [&](unsigned lane) { due |= (copy.groups[lane] + outstanding < committed[lane] ? 1u : 0u) << lane; });
        if (due != 0) land(warp, copy, due);
    }
    drop_landed();
}

void AsyncCopyQueue::wait_all(Warp& warp, std::uint32_t lanes) {
    for (AsyncCopy& copy : pending) land(warp, copy, lanes);
    drop_landed();
}

void AsyncCopyQueue::check_finished(Warp& warp, std::uint32_t lanes) {
    if (leftovers_are_fine()) return;
    for (const AsyncCopy& copy : pending) {
        const std::uint32_t left = copy.lanes & lanes;
        if (left == 0) continue;
        warp.current = copy.at;
        report(warp, static_cast<unsigned>(std::countr_zero(left)), Defect::AsyncCopyUnfinished,
               "the lane ends without waiting for a cp.async that it issued here");
    }
}

namespace {

/// list[0] bytes of the source (or 0xFFFFFFFF: all). mode: bytes of the target. The target's address is in d and c.
template <unsigned kBytes>
void run_copy(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t sources[kWarpLanes];
    lane_addresses(warp, i, lanes, sources);
    AsyncCopy& copy = warp.copies->pending.emplace_back();
    copy.lanes = 0;
    copy.bytes = kBytes;
    copy.at = &i;
    const bool wide = i.list[3] != 0;
    const std::uint32_t skip = i.list[2] != kFalse ? warp.predicate(i.list[2]) : 0;
    for_lanes(lanes, [&](unsigned lane) {
        const std::uint64_t base = wide ? warp.in<std::uint64_t>(i.b)[lane] : warp.in<std::uint32_t>(i.b)[lane];
        const auto target = static_cast<std::uint32_t>((base + i.list[1]) & kOffsetMask);
        std::uint32_t bytes = std::min(warp.in<std::uint32_t>(i.c)[lane], kBytes);
        if ((skip >> lane & 1) != 0) bytes = 0;
        auto& data = copy.data[lane];
        data.fill(0);
        if (bytes == kBytes) {
            std::memcpy(data.data(), global_bytes<kBytes>(warp, lane, sources[lane], false), kBytes);
        } else if (bytes > 0) {
            if (sources[lane] % kBytes != 0) check_global(warp, lane, sources[lane], kBytes, false);
            for (std::uint32_t k = 0; k < bytes; k++) data[k] = *global_bytes<1>(warp, lane, sources[lane] + k, false);
        }
        warp.cta->shared.check_write<kBytes>(warp, lane, target, "cp.async");
        copy.targets[lane] = target;
        copy.groups[lane] = warp.copies->committed[lane];
        copy.lanes |= 1u << lane;
    });
    for_lanes(lanes, [&](unsigned lane) { warp.cta->shared.begin_copy(copy.targets[lane], kBytes, kAsyncInFlight); });
}

void run_commit(Warp& warp, const Instruction&, std::uint32_t lanes) {
    for_lanes(lanes, [&](unsigned lane) { warp.copies->committed[lane]++; });
}

void run_wait_group(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.copies->wait(warp, lanes, static_cast<std::uint32_t>(i.immediate));
}

void run_wait_all(Warp& warp, const Instruction&, std::uint32_t lanes) {
    warp.copies->wait_all(warp, lanes);
}

/// cp.async.mbarrier.arrive: the arrival happens when the lane's copies have landed. They land here at the latest.
void run_mbarrier_arrive(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    warp.copies->wait_all(warp, lanes);
    std::uint64_t addresses[kWarpLanes];
    lane_addresses(warp, i, lanes, addresses);
    for_lanes(lanes, [&](unsigned lane) {
        Cta& block = shared_block(warp, lane, addresses[lane]);
        const auto offset = static_cast<std::uint32_t>(addresses[lane] & kOffsetMask);
        // Without .noinc the arrival is one more than the object was initialised for.
        if ((i.mode & 1) == 0) add_pending(warp, lane, block, offset);
        arrive_at_mbarrier(warp, lane, block, offset, 1, 0);
    });
}

void translate_copy(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view cache = m.take_one({"ca", "cg"});
    if (m.take_one({"shared", "shared::cta"}).empty() || !m.take("global") || cache.empty()) m.unknown();
    const bool hint = m.take("L2::cache_hint");
    m.take_one({"L2::64B", "L2::128B", "L2::256B"});
    m.finish();
    const std::size_t extra = s.operands.size() - 3 - (hint ? 1 : 0);
    if (s.operands.size() < 3 || extra > 1) t.fail("another number of operands");
    const std::uint64_t bytes = t.immediate(s.operands[2]);
    if (bytes != 16 && (cache == "cg" || (bytes != 4 && bytes != 8))) t.fail("a copy of so many bytes");
    Slot size = t.constant(bytes, false);
    std::uint16_t ignore = kFalse;
    if (extra == 1) {
        const Operand& fourth = s.operands[3];
        bool predicate = false;
        if (fourth.kind == Operand::Kind::Register) predicate = t.is_predicate(fourth);
        if (predicate)
            ignore = t.in_predicate(fourth);
        else
            size = t.in_bits(fourth, 32);
    }
    const Address target = t.address(s.operands[0]), source = t.address(s.operands[1]);
    const Slot* list = t.list({0, static_cast<Slot>(target.offset) & ~kVirtualMask, ignore, target.wide ? 1u : 0u});
    Instruction& i = t.add(bytes == 16 ? &run_copy<16> : bytes == 8 ? &run_copy<8> : &run_copy<4>);
    i.b = target.base, i.c = size, i.list = list;
    set_address(i, source);
}

void translate_cp(Translator& t, const Statement& s, Modifiers& m) {
    if (!m.take("async")) m.unknown();
    if (m.take("bulk")) {
        translate_bulk(t, s, m);
        return;
    }
    if (m.take("commit_group")) {
        m.finish();
        t.add(&run_commit);
    } else if (m.take("wait_group")) {
        m.finish();
        t.add(&run_wait_group).immediate = t.immediate(s.operands.at(0));
    } else if (m.take("wait_all")) {
        m.finish();
        t.add(&run_wait_all);
    } else if (m.take("mbarrier")) {
        m.take("arrive");
        const bool keep = m.take("noinc");
        m.take_one({"shared", "shared::cta"});
        m.take_type();
        m.finish();
        const Address address = t.address(s.operands.at(0));
        Instruction& i = t.add(&run_mbarrier_arrive);
        i.mode = keep ? 1 : 0;
        set_address(i, address);
    } else {
        translate_copy(t, s, m);
    }
}

}  // namespace

void add_async_copy(TranslateTable& table) {
    table["cp"] = &translate_cp;
}

}  // namespace emu::ptx
