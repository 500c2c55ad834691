// The order in which the tiles of a product are taken.
#pragma once

#include "common/platform.cuh"

/// Row and column of tile `number`. Blocks that run at the same time share tiles of both operands in the second-level cache:
/// eight rows of tiles, column by column.
RM_DEVICE void place_of_tile(int number, int tiles_m, int tiles_n, int& tile_m, int& tile_n) {
    constexpr int kGroup = 8;
    const int group = number / (kGroup * tiles_n);
    const int rows = minimum(kGroup, tiles_m - group * kGroup), in_group = number - group * kGroup * tiles_n;
    tile_m = group * kGroup + in_group % rows;
    tile_n = in_group / rows;
}
