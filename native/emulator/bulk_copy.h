// Bulk copies (TMA): whole tiles between global and shared memory, described by a tensor map. A load lands when nothing else
// is left to run; a store reads shared memory when its group is waited for.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/clock.h"
#include "emulator/defect.h"
#include "emulator/tensor_map.h"

namespace emu {

class BulkCopies {
public:
    static constexpr unsigned kMaxRank = 5;

    void start();

    /// cp.async.bulk: `bytes` bytes from global to shared memory, reported to an mbarrier.
    void load(void* shared, const void* global, std::uint32_t bytes, const void* mbarrier, Where where);
    /// cp.async.bulk.tensor: the box at the coordinates (innermost first), reported to an mbarrier. Elements outside the tensor
    /// arrive as the map's fill value.
    void load_tensor(void* shared, const TensorMap& map, const std::int32_t* coordinates, unsigned rank, const void* mbarrier,
                     Where where);
    /// The opposite direction; elements outside the tensor are not stored. Belongs to the thread's bulk group.
    void store_tensor(const TensorMap& map, const void* shared, const std::int32_t* coordinates, unsigned rank, Where where);
    void commit();
    /// Waits until at most `outstanding` of the thread's bulk groups are unfinished.
    void wait(unsigned outstanding);

    /// Lands one load that is in flight, chosen by the seed; false when there is none.
    bool land_one();
    /// Reports copies that were in flight when the block ended.
    void check_finished();

private:
    struct Load {
        std::vector<std::uint8_t> bytes;
        std::uint32_t offset, mbarrier;
        Epoch epoch;
        Where where;
    };

    struct Store {
        TensorMap map;
        std::uint32_t offset;
        std::int32_t coordinates[kMaxRank];
        unsigned thread, group;
        Where where;
    };

    void begin_load(std::uint32_t offset, std::vector<std::uint8_t> bytes, const void* mbarrier, Where where);
    void finish(const Store& store);

    std::vector<Load> loads_;
    std::vector<Store> stores_;
    std::vector<unsigned> groups_;
};

}  // namespace emu
