// Bulk copies (cp.async.bulk and its tensor form): queues of what is under way, by cluster.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "emulator/clock.h"
#include "emulator/tensor_map.h"

namespace emu::ptx {

class Cluster;
class Cta;
class Warp;
struct Instruction;

/// Bytes on their way into the shared memory of one or more blocks of the cluster.
struct BulkLoad {
    std::vector<std::uint8_t> bytes;
    std::uint32_t offset = 0, mbarrier = 0, blocks = 0;
    const Instruction* at = nullptr;
};

/// A copy from shared to global memory that has not been waited for.
struct BulkStore {
    TensorMap map;
    std::uint64_t address = 0;
    std::uint32_t offset = 0, bytes = 0;
    std::array<std::int32_t, 5> coordinates{};
    unsigned block = 0, thread = 0, group = 0;
    bool tensor = false, reduce = false, done = false;
    std::uint16_t operation = 0;
    const Instruction* at = nullptr;
};

class BulkCopyQueue {
public:
    void start();
    bool empty() const { return loads_.empty(); }
    void add_load(Cluster& cluster, BulkLoad load);
    /// Lands one load, any of them; false when there is none.
    bool land_one(Cluster& cluster);

    void add_store(Warp& warp, unsigned lane, BulkStore store);
    void commit(Warp& warp, unsigned lane);
    void wait(Warp& warp, unsigned lane, unsigned outstanding);
    /// Reports what is under way when the last thread of a block has ended.
    void check_finished(Warp& warp);

private:
    unsigned& groups_of(Warp& warp, unsigned lane);
    void finish(Warp& warp, unsigned lane, BulkStore& store);

    std::vector<BulkLoad> loads_;
    std::vector<BulkStore> stores_;
    std::vector<unsigned> groups_;
};

}  // namespace emu::ptx
