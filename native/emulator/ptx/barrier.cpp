// Barriers of a block, of a warp's lanes and of a cluster; fences.
#include "emulator/ptx/barrier.h"

#include "emulator/ptx/cta.h"
#include "emulator/ptx/translator.h"

namespace emu::ptx {

void finish_barrier_reduction(Warp& warp, const Instruction& i, std::uint32_t lanes, unsigned votes, unsigned arrived) {
    switch (static_cast<BarrierReduction>(i.mode >> kReductionShift)) {
        case BarrierReduction::None:
            break;
        case BarrierReduction::Popc: {
            auto* d = warp.out<std::uint32_t>(i.d);
            for_lanes(lanes, [&](unsigned lane) { d[lane] = votes; });
            break;
        }
        case BarrierReduction::And:
            warp.set_predicate(i.d, lanes, votes == arrived ? ~0u : 0);
            break;
        case BarrierReduction::Or:
            warp.set_predicate(i.d, lanes, votes != 0 ? ~0u : 0);
            break;
    }
}

void keep_only(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if (lanes == warp.lanes) return;
    warp.groups.push_back({&i + 1, warp.lanes & ~lanes, warp.split, GroupState::Ready, 0});
    warp.lanes = lanes;
}

namespace {

/// a barrier, b threads (list[0] of a reduction: predicate).
void run_barrier(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if ((i.mode & kAligned) != 0) warp.require_aligned(i, lanes);
    const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    const std::uint32_t number = warp.in<std::uint32_t>(i.a)[lane];
    const std::uint32_t expected = (i.mode & kCounted) != 0 ? warp.in<std::uint32_t>(i.b)[lane] : 0;
    if ((i.mode & kCounted) != 0 && expected == 0) report(warp, lane, Defect::BarrierMisuse, "barrier %u with 0 threads", number);
    const bool waits = (i.mode & kArrives) == 0;
    warp.synchronise_lanes(lanes);
    if (number < Cta::kBarriers && i.mode >> kReductionShift != 0) {
        const std::uint32_t votes = (warp.predicate(i.c) ^ ((i.mode & kNegated) != 0 ? ~0u : 0)) & lanes;
        warp.cta->barriers[number].votes += static_cast<unsigned>(std::popcount(votes));
    }
    const bool complete = warp.cta->arrive(warp, i, number, expected, lanes, waits);
    if (!waits || complete) return;
    keep_only(warp, i, lanes);
    warp.park(i, GroupState::AtBarrier, number, false);
}

void translate_cluster_barrier(Translator& t, const Statement& s, Modifiers& m);

void run_warp_sync(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    run_warp_barrier(warp, i, lanes);
}

void translate_barrier(Translator& t, const Statement& s, Modifiers& m) {
    const bool short_form = s.opcode->parts[0] == "bar";
    if (m.take("cluster")) {
        translate_cluster_barrier(t, s, m);
        return;
    }
    if (m.take("warp")) {
        m.take("sync");
        m.finish();
        const Slot a = t.in_bits(s.operands.at(0), 32);
        t.add(&run_warp_sync).a = a;
        return;
    }
    m.take("cta");
    std::string_view kind = m.take_one({"sync", "arrive", "red"});
    if (kind.empty()) m.unknown();
    std::uint16_t mode = short_form || m.take("aligned") ? kAligned : 0;
    std::size_t next = 0;
    Slot d = 0, c = 0;
    BarrierReduction reduction = BarrierReduction::None;
    if (kind == "red") {
        std::string_view what = m.take_one({"popc", "and", "or"});
        reduction = what == "popc" ? BarrierReduction::Popc : what == "and" ? BarrierReduction::And : BarrierReduction::Or;
        m.take_type();
        d = reduction == BarrierReduction::Popc ? t.out_bits(s.operands.at(0), 32) : t.out_predicate(s.operands.at(0));
        next = 1;
        c = t.in_predicate(s.operands.back());
        if (s.operands.back().negated) mode |= kNegated;
    }
    m.finish();
    const std::size_t end = s.operands.size() - (kind == "red" ? 1 : 0);
    if (next >= end || end - next > 2) t.fail("another number of operands");
    const Slot a = t.in_bits(s.operands[next], 32);
    Slot b = 0;
    if (next + 1 < end) {
        b = t.in_bits(s.operands[next + 1], 32);
        mode |= kCounted;
    } else if (kind == "arrive") {
        t.fail("an arrival without a number of threads");
    }
    if (kind == "arrive") mode |= kArrives;
    Instruction& i = t.add(&run_barrier);
    i.d = d, i.a = a, i.b = b, i.c = c;
    i.mode = static_cast<std::uint16_t>(mode | static_cast<unsigned>(reduction) << kReductionShift);
}

void run_cluster_arrive(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if (i.mode != 0) warp.require_aligned(i, lanes);
    Cta& cta = *warp.cta;
    Cluster& cluster = *cta.cluster;
    warp.synchronise_lanes(lanes);
    warp.release_to(cta.cluster_clock);
    for_lanes(lanes, [&](unsigned lane) { warp.cluster_waits[lane] = cluster.cluster_phase + 1; });
    cluster.cluster_arrived += static_cast<unsigned>(std::popcount(lanes));
    cluster.complete_cluster_barrier();
}

void run_cluster_wait(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    if (i.mode != 0) warp.require_aligned(i, lanes);
    const unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    if (warp.cluster_waits[lane] == 0)
        report(warp, lane, Defect::BarrierMisuse, "barrier.cluster.wait without an arrival before it");
    if (warp.cta->cluster->cluster_phase >= warp.cluster_waits[lane]) {
        warp.acquire_from(warp.cta->completed_cluster_clock);
        for_lanes(lanes, [&](unsigned at) { warp.cluster_waits[at] = 0; });
        return;
    }
    keep_only(warp, i, lanes);
    warp.park(i, GroupState::AtCluster, 0, true);
}

void translate_cluster_barrier(Translator& t, const Statement& s, Modifiers& m) {
    std::string_view kind = m.take_one({"arrive", "wait"});
    m.take_one({"release", "relaxed", "acquire"});
    const bool aligned = m.take("aligned");
    m.finish();
    if (kind.empty() || !s.operands.empty()) m.unknown();
    t.add(kind == "arrive" ? &run_cluster_arrive : &run_cluster_wait).mode = aligned ? 1 : 0;
}

void run_nothing(Warp&, const Instruction&, std::uint32_t) {}

/// What the lanes have written, and what has been ordered before them, may be read by the asynchronous proxy from here on.
void run_proxy_fence(Warp& warp, const Instruction&, std::uint32_t lanes) {
    for_lanes(lanes, [&](unsigned lane) { warp.proxy_fences[lane] = warp.times[lane]; });
    warp.proxy_clock.join(warp.clock);
    if (warp.time < kEpochTimeMask) warp.time++;
    for_lanes(lanes, [&](unsigned lane) { warp.times[lane] = warp.time; });
}

void translate_fence(Translator& t, const Statement& s, Modifiers& m) {
    Handler handler = &run_nothing;
    if (s.opcode->parts[0] == "membar" && !m.take("proxy")) {
        if (m.take_one({"cta", "gl", "sys"}).empty()) m.unknown();
    } else if (s.opcode->parts[0] == "membar" || m.take("proxy")) {
        std::string_view kind = m.take_one({"async", "async.global", "alias", "async::generic", "tensormap::generic"});
        if (kind == "async") handler = &run_proxy_fence;
        m.take_one({"global", "shared::cta", "shared::cluster"});
        m.take_one({"acquire", "release"});
        m.take_one({"cta", "cluster", "gpu", "sys"});
        m.take("sync_restrict::shared::cta");
        m.take("sync_restrict::shared::cluster");
        if (kind.empty()) m.unknown();
    } else if (m.take("mbarrier_init")) {
        m.take("release");
        m.take("cluster");
    } else {
        if (m.take_one({"sc", "acq_rel", "acquire", "release"}).empty()) m.unknown();
        if (m.take_one({"cta", "cluster", "gpu", "sys"}).empty()) m.unknown();
        m.take("sync_restrict::shared::cta");
        m.take("sync_restrict::shared::cluster");
    }
    m.finish();
    t.add(handler);
}

}  // namespace

void add_barrier(TranslateTable& table) {
    table["bar"] = &translate_barrier;
    table["barrier"] = &translate_barrier;
    table["fence"] = &translate_fence;
    table["membar"] = &translate_fence;
}

}  // namespace emu::ptx
