#include "emulator/bulk_copy.h"

#include <cstring>

#include "emulator/block.h"
#include "emulator/global_memory.h"
#include "emulator/mbarrier.h"
#include "emulator/shared_memory.h"
#include "emulator/tensor_box.h"

namespace emu {
namespace {

void check_map(const TensorMap& map, std::uint32_t offset, unsigned rank, Where where) {
    if (map.magic != TensorMap::kMagic) report(Defect::OutOfBoundsGlobal, where, "the argument is no tensor map");
    if (map.rank != rank) report(Defect::OutOfBoundsGlobal, where, "rank %u copy with a tensor map of rank %u", rank, map.rank);
    std::uint32_t alignment = map.swizzle == 0 ? 128 : 128u << map.swizzle;
    if (offset % alignment != 0) {
        report(Defect::MisalignedAccess, where, "bulk tensor copy at offset %u of shared memory, no multiple of %u", offset,
               alignment);
    }
}

}  // namespace

void BulkCopies::start() {
    loads_.clear();
    stores_.clear();
    groups_.clear();
}

void BulkCopies::begin_load(std::uint32_t offset, std::vector<std::uint8_t> bytes, const void* mbarrier, Where where) {
    Block& block = *current_block;
    std::uint32_t object = block.shared->offset_of(mbarrier, where);
    Epoch epoch = current_thread->epoch();
    block.shared->begin_copy(offset, static_cast<std::uint32_t>(bytes.size()), SharedState::BulkCopyInFlight, where);
    block.mbarriers->join_copy(object, where);
    loads_.push_back({std::move(bytes), offset, object, epoch, where});
    if (block.random.below(4) == 0) land_one();
}

void BulkCopies::load(void* shared, const void* global, std::uint32_t bytes, const void* mbarrier, Where where) {
    std::uint32_t offset = current_block->shared->offset_of(shared, where);
    if (offset % 16 != 0 || reinterpret_cast<std::uintptr_t>(global) % 16 != 0 || bytes % 16 != 0) {
        report(Defect::MisalignedAccess, where, "bulk copy of %u bytes from %p to offset %u: all must be multiples of 16", bytes,
               global, offset);
    }
    check_global_read(global, bytes, 1, where);
    const auto* source = static_cast<const std::uint8_t*>(global);
    begin_load(offset, {source, source + bytes}, mbarrier, where);
}

void BulkCopies::load_tensor(void* shared, const TensorMap& map, const std::int32_t* coordinates, unsigned rank,
                             const void* mbarrier, Where where) {
    std::uint32_t offset = current_block->shared->offset_of(shared, where);
    check_map(map, offset, rank, where);
    std::vector<std::uint8_t> bytes(box_bytes(map));
    for_each_piece(map, coordinates, [&](std::uint32_t at, std::uint64_t address, std::uint32_t count) {
        std::uint8_t* target = bytes.data() + (swizzle_offset(offset + at, map.swizzle) - offset);
        if (address == 0) {
            std::memset(target, map.fill_nan != 0 ? 0xFF : 0, count);
            return;
        }
        check_global_read(reinterpret_cast<const void*>(address), count, 1, where);
        std::memcpy(target, reinterpret_cast<const void*>(address), count);
    });
    begin_load(offset, std::move(bytes), mbarrier, where);
}

bool BulkCopies::land_one() {
    if (loads_.empty()) return false;
    Block& block = *current_block;
    std::size_t chosen = block.random.below(static_cast<std::uint32_t>(loads_.size()));
    Load load = std::move(loads_[chosen]);
    loads_.erase(loads_.begin() + static_cast<std::ptrdiff_t>(chosen));
    auto bytes = static_cast<std::uint32_t>(load.bytes.size());
    block.shared->land(load.offset, load.bytes.data(), bytes, load.epoch, SharedState::WrittenByBulkCopy);
    block.mbarriers->complete_bytes(load.mbarrier, bytes);
    return true;
}

void BulkCopies::store_tensor(const TensorMap& map, const void* shared, const std::int32_t* coordinates, unsigned rank,
                              Where where) {
    std::uint32_t offset = current_block->shared->offset_of(shared, where);
    check_map(map, offset, rank, where);
    current_block->shared->read(shared, box_bytes(map), 1, where);
    groups_.resize(kMaxThreads);
    Store store{map, offset, {}, current_thread->linear, groups_[current_thread->linear], where};
    std::memcpy(store.coordinates, coordinates, rank * sizeof(std::int32_t));
    stores_.push_back(store);
}

void BulkCopies::commit() {
    groups_.resize(kMaxThreads);
    groups_[current_thread->linear]++;
}

void BulkCopies::wait(unsigned outstanding) {
    groups_.resize(kMaxThreads);
    unsigned thread = current_thread->linear, newest = groups_[thread];
    for (std::size_t i = 0; i < stores_.size();) {
        const Store& store = stores_[i];
        // Of the groups 0 to newest - 1, all but the last `outstanding` must be finished.
        if (store.thread != thread || store.group + outstanding >= newest) {
            i++;
            continue;
        }
        finish(store);
        stores_.erase(stores_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

void BulkCopies::finish(const Store& store) {
    SharedMemory& shared = *current_block->shared;
    // Read again: whoever overwrote the source before this wait did so while the copy was reading it.
    shared.read(shared.data() + store.offset, box_bytes(store.map), 1, store.where);
    for_each_piece(store.map, store.coordinates, [&](std::uint32_t at, std::uint64_t address, std::uint32_t count) {
        if (address == 0) return;
        void* target = reinterpret_cast<void*>(address);
        check_global_write(target, count, 1, store.where);
        std::memcpy(target, shared.data() + swizzle_offset(store.offset + at, store.map.swizzle), count);
    });
}

void BulkCopies::check_finished() {
    if (!loads_.empty()) {
        report(Defect::BulkCopyUnfinished, loads_.front().where, "the block ends while a bulk copy issued here is in flight");
    }
    if (!stores_.empty()) {
        report(Defect::BulkCopyUnfinished, stores_.front().where, "the block ends without waiting for a bulk store issued here");
    }
}

}  // namespace emu
