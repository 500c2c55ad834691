#include "emulator/ptx/tensor_copy.h"

#include <algorithm>
#include <cstring>

#include "emulator/ptx/address.h"
#include "emulator/ptx/bulk_copy.h"
#include "emulator/ptx/mbarrier_ops.h"
#include "emulator/ptx/translator.h"
#include "emulator/tensor_box.h"

namespace emu::ptx {
namespace {

constexpr std::uint32_t kTileAlignment = 128, kBulkAlignment = 16;

}  // namespace

void BulkCopyQueue::start() {
    loads_.clear();
    stores_.clear();
    groups_.clear();
}

void BulkCopyQueue::add_load(Cluster& cluster, BulkLoad load) {
    loads_.push_back(std::move(load));
    // Most land as late as they can; some at once.
    if (cluster.random.below(4) == 0) land_one(cluster);
}

bool BulkCopyQueue::land_one(Cluster& cluster) {
    if (loads_.empty()) return false;
    const std::size_t chosen = cluster.random.below(static_cast<std::uint32_t>(loads_.size()));
    const BulkLoad load = std::move(loads_[chosen]);
    loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(chosen));
    const auto bytes = static_cast<std::uint32_t>(load.bytes.size());
    for (unsigned rank = 0; rank < cluster.size(); rank++) {
        if ((load.blocks >> rank & 1) == 0) continue;
        Cta& block = cluster.cta(rank);
        block.shared.land(load.offset, load.bytes.data(), bytes, kWrittenByBulk,
                          block.mbarriers.land(load.mbarrier, block.warp_count));
        add_transactions(block, load.mbarrier, -std::int64_t{bytes});
    }
    cluster.note_progress();
    return true;
}

unsigned& BulkCopyQueue::groups_of(Warp& warp, unsigned lane) {
    const std::size_t index = std::size_t{warp.cta->rank} * kMaxThreads + warp.first_thread + lane;
    if (groups_.size() <= index) groups_.resize(index + 1);
    return groups_[index];
}

void BulkCopyQueue::add_store(Warp& warp, unsigned lane, BulkStore store) {
    store.block = warp.cta->rank;
    if (warp.cta->cluster->counts != nullptr) warp.cta->cluster->counts->bulk_bytes += store.bytes;
    store.thread = warp.first_thread + lane;
    store.group = groups_of(warp, lane);
    warp.cta->shared.add_use(store.offset, store.bytes, 1);
    stores_.push_back(std::move(store));
}

void BulkCopyQueue::commit(Warp& warp, unsigned lane) {
    groups_of(warp, lane)++;
}

void BulkCopyQueue::wait(Warp& warp, unsigned lane, unsigned outstanding) {
    const unsigned newest = groups_of(warp, lane), thread = warp.first_thread + lane;
    for (BulkStore& store : stores_) {
        if (store.block == warp.cta->rank && store.thread == thread && store.group + outstanding < newest)
            finish(warp, lane, store);
    }
    std::erase_if(stores_, [](const BulkStore& store) { return store.done; });
}

void BulkCopyQueue::finish(Warp& warp, unsigned lane, BulkStore& store) {
    SharedWindow& shared = warp.cta->shared;
    shared.add_use(store.offset, store.bytes, -1);
    store.done = true;
    if (!store.tensor) {
        for (std::uint32_t at = 0; at < store.bytes; at += kBulkAlignment) {
            std::memcpy(global_bytes<kBulkAlignment>(warp, lane, store.address + at, true), shared.data() + store.offset + at,
                        kBulkAlignment);
        }
        return;
    }
    for_each_piece(store.map, store.coordinates.data(), [&](std::uint32_t at, std::uint64_t address, std::uint32_t bytes) {
        if (address == 0) return;
        warp.lane = lane;
        check_global_write(reinterpret_cast<void*>(address), bytes, 1, {});
        std::memcpy(reinterpret_cast<void*>(address), shared.data() + swizzle_offset(store.offset + at, store.map.swizzle),
                    bytes);
    });
}

void BulkCopyQueue::check_finished(Warp& warp) {
    const unsigned rank = warp.cta->rank;
    if (leftovers_are_fine()) {
        for (BulkStore& store : stores_) {
            if (store.block == rank) finish(warp, store.thread % kWarpLanes, store);
        }
        std::erase_if(stores_, [](const BulkStore& store) { return store.done; });
        for (BulkLoad& load : loads_) load.blocks &= ~(1u << rank);
        std::erase_if(loads_, [](const BulkLoad& load) { return load.blocks == 0; });
        return;
    }
    for (const BulkStore& store : stores_) {
        if (store.block != rank) continue;
        warp.current = store.at;
        report(warp, store.thread % kWarpLanes, Defect::BulkCopyUnfinished,
               "the block ends without waiting for a bulk store issued here");
    }
    for (const BulkLoad& load : loads_) {
        if ((load.blocks >> rank & 1) == 0) continue;
        warp.current = load.at;
        report(warp, 0, Defect::BulkCopyUnfinished, "the block ends while a bulk copy issued here is in flight");
    }
}

namespace {

constexpr std::uint16_t kMulticast = 1;

TensorMap map_at(Warp& warp, unsigned lane, std::uint64_t address, unsigned rank) {
    TensorMap map;
    if (address / kWindowBytes == kParamBase / kWindowBytes) {
        const std::uint64_t offset = address % kWindowBytes;
        if (offset % 64 != 0)
            report(warp, lane, Defect::MisalignedAccess, "a tensor map at byte %llu of the parameters",
                   static_cast<unsigned long long>(offset));
        param_bytes<1>(warp, lane, offset + kMapBytes - 1);
        std::memcpy(&map, param_bytes<1>(warp, lane, offset), kMapBytes);
    } else {
        if (address % 64 != 0)
            report(warp, lane, Defect::MisalignedAccess, "a tensor map at an address that is no multiple of 64");
        for (std::uint32_t at = 0; at < kMapBytes; at += 16) {
            std::memcpy(reinterpret_cast<std::uint8_t*>(&map) + at, global_bytes<16>(warp, lane, address + at, false), 16);
        }
    }
    if (map.magic != TensorMap::kMagic) report(warp, lane, Defect::OutOfBoundsGlobal, "the address is not that of a tensor map");
    if (map.rank != rank)
        report(warp, lane, Defect::OutOfBoundsGlobal, "a copy of rank %u with a tensor map of rank %u", rank, map.rank);
    return map;
}

/// Starts a load into `offset` of the blocks of the mask.
void begin_load(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t target, std::uint64_t mbarrier,
                std::vector<std::uint8_t> bytes, std::uint32_t blocks) {
    Cluster& cluster = *warp.cta->cluster;
    Cta& home = shared_block(warp, lane, target);
    if (blocks == 0) blocks = 1u << home.rank;
    const auto offset = static_cast<std::uint32_t>(target & kOffsetMask),
               object = static_cast<std::uint32_t>(mbarrier & kOffsetMask);
    const auto count = static_cast<std::uint32_t>(bytes.size());
    if (cluster.counts != nullptr) cluster.counts->bulk_bytes += count;
    if (blocks >> cluster.size() != 0)
        report(warp, lane, Defect::OutOfBoundsShared, "a multicast to blocks 0x%x of a cluster of %u", blocks, cluster.size());
    for (unsigned rank = 0; rank < cluster.size(); rank++) {
        if ((blocks >> rank & 1) == 0) continue;
        Cta& block = cluster.cta(rank);
        if (&block == warp.cta)
            block.shared.check_write_range(warp, lane, offset, count, kBulkAlignment, "bulk copy");
        else if (offset + count > block.shared.end())
            report(warp, lane, Defect::OutOfBoundsShared, "a bulk copy past the end of block %u's shared memory", rank);
        else
            block.shared.check_uses(warp, lane, offset, count);
        join_mbarrier(warp, lane, block, object);
        block.shared.begin_copy(offset, count, kBulkInFlight);
    }
    cluster.bulk_copies.add_load(cluster, {std::move(bytes), offset, object, blocks, &i});
}

/// list: target base, offset, wide; mbarrier base, offset, wide; multicast mask; coordinates. a: the map. mode: rank in the high
/// byte.
void run_tensor_load(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t maps[kWarpLanes];
    lane_addresses(warp, i, lanes, maps);
    const unsigned rank = i.mode >> 8 & 7;
    for_lanes(lanes, [&](unsigned lane) {
        const TensorMap map = map_at(warp, lane, maps[lane], rank);
        const std::uint64_t target = lane_address(warp, i.list[0], i.list[1], i.list[2], lane);
        const std::uint64_t mbarrier = lane_address(warp, i.list[3], i.list[4], i.list[5], lane);
        const auto offset = static_cast<std::uint32_t>(target & kOffsetMask);
        if (offset % kTileAlignment != 0)
            report(warp, lane, Defect::MisalignedAccess, "a bulk tensor copy to address %u of shared memory, no multiple of %u",
                   offset, kTileAlignment);
        std::int32_t coordinates[5];
        for (unsigned axis = 0; axis < rank; axis++)
            coordinates[axis] = static_cast<std::int32_t>(lane_value(warp, i.list[7 + axis], lane));
        std::vector<std::uint8_t> bytes(box_bytes(map));
        for_each_piece(map, coordinates, [&](std::uint32_t at, std::uint64_t address, std::uint32_t count) {
            std::uint8_t* to = bytes.data() + (swizzle_offset(offset + at, map.swizzle) - offset);
            if (address == 0) {
                std::memset(to, map.fill_nan != 0 ? 0xFF : 0, count);
                return;
            }
            warp.lane = lane;
            check_global_read(reinterpret_cast<const void*>(address), count, 1, {});
            std::memcpy(to, reinterpret_cast<const void*>(address), count);
        });
        const std::uint32_t blocks = (i.mode & kMulticast) != 0 ? lane_value(warp, i.list[6], lane) & 0xFFFF : 0;
        begin_load(warp, i, lane, target, mbarrier, std::move(bytes), blocks);
    });
}

/// The same without a map: a source address, bytes in list[7].
void run_bulk_load(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t sources[kWarpLanes];
    lane_addresses(warp, i, lanes, sources);
    for_lanes(lanes, [&](unsigned lane) {
        const std::uint32_t count = lane_value(warp, i.list[7], lane);
        const std::uint64_t target = lane_address(warp, i.list[0], i.list[1], i.list[2], lane);
        if (count % kBulkAlignment != 0 || target % kBulkAlignment != 0 || sources[lane] % kBulkAlignment != 0) {
            report(warp, lane, Defect::MisalignedAccess,
                   "a bulk copy of %u bytes: bytes and both addresses must be multiples of 16", count);
        }
        std::vector<std::uint8_t> bytes(count);
        if (i.b != 0) {
            // From this block's shared memory to another's.
            const auto from = static_cast<std::uint32_t>(sources[lane] & kOffsetMask);
            warp.cta->shared.check_async_read(warp, lane, from, count, kBulkAlignment);
            std::memcpy(bytes.data(), warp.cta->shared.data() + from, count);
        } else {
            for (std::uint32_t at = 0; at < count; at += 16)
                std::memcpy(&bytes[at], global_bytes<16>(warp, lane, sources[lane] + at, false), 16);
        }
        const std::uint32_t blocks = (i.mode & kMulticast) != 0 ? lane_value(warp, i.list[6], lane) & 0xFFFF : 0;
        begin_load(warp, i, lane, target, lane_address(warp, i.list[3], i.list[4], i.list[5], lane), std::move(bytes), blocks);
    });
}

/// a: the map or the target; list: source base, offset, wide; bytes; coordinates.
void run_store(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    std::uint64_t targets[kWarpLanes];
    lane_addresses(warp, i, lanes, targets);
    const unsigned rank = i.mode >> 8 & 7;
    for_lanes(lanes, [&](unsigned lane) {
        BulkStore store{};
        store.tensor = rank > 0;
        store.offset = static_cast<std::uint32_t>(lane_address(warp, i.list[0], i.list[1], i.list[2], lane) & kOffsetMask);
        if (rank > 0) {
            store.map = map_at(warp, lane, targets[lane], rank);
            store.bytes = box_bytes(store.map);
            for (unsigned axis = 0; axis < rank; axis++)
                store.coordinates[axis] = static_cast<std::int32_t>(lane_value(warp, i.list[4 + axis], lane));
        } else {
            store.address = targets[lane];
            store.bytes = lane_value(warp, i.list[3], lane);
            if (store.bytes % kBulkAlignment != 0)
                report(warp, lane, Defect::MisalignedAccess, "a bulk copy of %u bytes, no multiple of 16", store.bytes);
        }
        store.at = &i;
        warp.cta->shared.check_async_read(warp, lane, store.offset, store.bytes, rank > 0 ? kTileAlignment : kBulkAlignment);
        warp.cta->cluster->bulk_copies.add_store(warp, lane, store);
    });
}

void run_commit(Warp& warp, const Instruction&, std::uint32_t lanes) {
    for_lanes(lanes, [&](unsigned lane) { warp.cta->cluster->bulk_copies.commit(warp, lane); });
}

void run_wait(Warp& warp, const Instruction& i, std::uint32_t lanes) {
    for_lanes(lanes, [&](unsigned lane) { warp.cta->cluster->bulk_copies.wait(warp, lane, static_cast<unsigned>(i.immediate)); });
}

void run_nothing(Warp&, const Instruction&, std::uint32_t) {}

void push_coordinates(Translator& t, std::vector<Slot>& slots, const Operand& where, unsigned rank) {
    if (where.items.size() != 2 || where.items[1].items.size() != rank) t.fail("another number of coordinates");
    for (const Operand& item : where.items[1].items) slots.push_back(t.in_bits(item, 32));
}

void translate_load(Translator& t, const Statement& s, Modifiers& m, bool tensor, unsigned rank) {
    if (!m.take("mbarrier::complete_tx::bytes")) m.unknown();
    const bool from_shared = !tensor && !m.take("global");
    if (tensor && !m.take("global")) m.unknown();
    if (from_shared && !m.take("shared::cta")) m.unknown();
    m.take("tile");
    const bool multicast = m.take("multicast::cluster"), hint = m.take("L2::cache_hint");
    m.finish();
    std::size_t next = 0;
    std::vector<Slot> slots;
    push_address(t, slots, s.operands.at(next++));
    const Operand& source = s.operands.at(next++);
    Slot count = 0;
    if (!tensor) count = t.in_bits(s.operands.at(next++), 32);
    push_address(t, slots, s.operands.at(next++));
    bool wide;
    slots.push_back(multicast ? t.in_any(s.operands.at(next++), 16, wide) : 0);
    if (hint) next++;
    if (next != s.operands.size()) t.fail("another number of operands");
    if (tensor)
        push_coordinates(t, slots, source, rank);
    else
        slots.push_back(count);
    const Address address = t.address(source);
    const Slot* list = t.list(slots);
    Instruction& i = t.add(tensor ? &run_tensor_load : &run_bulk_load);
    i.list = list;
    i.b = from_shared ? 1 : 0;
    i.mode = static_cast<std::uint16_t>((multicast ? kMulticast : 0) | rank << 8);
    set_address(i, address);
}

void translate_store(Translator& t, const Statement& s, Modifiers& m, bool tensor, unsigned rank) {
    m.take("tile");
    m.take("bulk_group");
    const bool hint = m.take("L2::cache_hint");
    m.finish();
    std::vector<Slot> slots;
    push_address(t, slots, s.operands.at(1));
    slots.push_back(tensor ? 0 : t.in_bits(s.operands.at(2), 32));
    if (tensor) push_coordinates(t, slots, s.operands[0], rank);
    if (s.operands.size() != (tensor ? 2u : 3u) + (hint ? 1u : 0u)) t.fail("another number of operands");
    const Address address = t.address(s.operands[0]);
    const Slot* list = t.list(slots);
    Instruction& i = t.add(&run_store);
    i.list = list;
    i.mode = static_cast<std::uint16_t>(rank << 8);
    set_address(i, address);
}

}  // namespace

void translate_bulk(Translator& t, const Statement& s, Modifiers& m) {
    if (m.take("commit_group")) {
        m.finish();
        t.add(&run_commit);
        return;
    }
    if (m.take("wait_group")) {
        m.take("read");
        m.finish();
        t.add(&run_wait).immediate = t.immediate(s.operands.at(0));
        return;
    }
    if (m.take("prefetch")) {
        t.add(&run_nothing);
        return;
    }
    const bool tensor = m.take("tensor");
    unsigned rank = 0;
    if (tensor) {
        std::string_view name = m.take_one({"1d", "2d", "3d", "4d", "5d"});
        if (name.empty()) m.unknown();
        rank = static_cast<unsigned>(name[0] - '0');
    }
    if (m.first() == "global") {
        m.take("global");
        if (!m.take("shared::cta")) m.unknown();
        translate_store(t, s, m, tensor, rank);
        return;
    }
    if (m.first() != "shared::cluster" && m.first() != "shared::cta") m.unknown();
    m.take(m.first());
    translate_load(t, s, m, tensor, rank);
}

}  // namespace emu::ptx
