// The PTX ISA's figures of register fragments and of swizzled shared memory, copied out as grids. They are data on purpose: the
// emulator and the kernels compute the same with formulas, and a formula can be wrong the same way twice.
#pragma once

#include <array>
#include <sstream>
#include <string>
#include <vector>

namespace tables {

/// A grid of numbers, one line of text a row of the figure.
struct Grid {
    std::vector<std::vector<int>> rows;

    explicit Grid(const char* text) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream numbers(line);
            std::vector<int> row;
            for (int number; numbers >> number;) row.push_back(number);
            if (!row.empty()) rows.push_back(row);
        }
    }
};

// m16n8k16, A: 16 rows, 16 columns (k). For each element the lane that holds it ...
inline const Grid kLaneOfA16(R"(
 0  0  1  1  2  2  3  3   0  0  1  1  2  2  3  3
 4  4  5  5  6  6  7  7   4  4  5  5  6  6  7  7
 8  8  9  9 10 10 11 11   8  8  9  9 10 10 11 11
12 12 13 13 14 14 15 15  12 12 13 13 14 14 15 15
16 16 17 17 18 18 19 19  16 16 17 17 18 18 19 19
20 20 21 21 22 22 23 23  20 20 21 21 22 22 23 23
24 24 25 25 26 26 27 27  24 24 25 25 26 26 27 27
28 28 29 29 30 30 31 31  28 28 29 29 30 30 31 31
 0  0  1  1  2  2  3  3   0  0  1  1  2  2  3  3
 4  4  5  5  6  6  7  7   4  4  5  5  6  6  7  7
 8  8  9  9 10 10 11 11   8  8  9  9 10 10 11 11
12 12 13 13 14 14 15 15  12 12 13 13 14 14 15 15
16 16 17 17 18 18 19 19  16 16 17 17 18 18 19 19
20 20 21 21 22 22 23 23  20 20 21 21 22 22 23 23
24 24 25 25 26 26 27 27  24 24 25 25 26 26 27 27
28 28 29 29 30 30 31 31  28 28 29 29 30 30 31 31
)");

// ... and which of the lane's elements a0 to a7 it is (a0 is the lower half of the first word).
inline const Grid kElementOfA16(R"(
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
0 1 0 1 0 1 0 1  4 5 4 5 4 5 4 5
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
2 3 2 3 2 3 2 3  6 7 6 7 6 7 6 7
)");

// m16n8k16, B: 16 rows (k), 8 columns.
inline const Grid kLaneOfB16(R"(
0 4  8 12 16 20 24 28
0 4  8 12 16 20 24 28
1 5  9 13 17 21 25 29
1 5  9 13 17 21 25 29
2 6 10 14 18 22 26 30
2 6 10 14 18 22 26 30
3 7 11 15 19 23 27 31
3 7 11 15 19 23 27 31
0 4  8 12 16 20 24 28
0 4  8 12 16 20 24 28
1 5  9 13 17 21 25 29
1 5  9 13 17 21 25 29
2 6 10 14 18 22 26 30
2 6 10 14 18 22 26 30
3 7 11 15 19 23 27 31
3 7 11 15 19 23 27 31
)");

inline const Grid kElementOfB16(R"(
0 0 0 0 0 0 0 0
1 1 1 1 1 1 1 1
0 0 0 0 0 0 0 0
1 1 1 1 1 1 1 1
0 0 0 0 0 0 0 0
1 1 1 1 1 1 1 1
0 0 0 0 0 0 0 0
1 1 1 1 1 1 1 1
2 2 2 2 2 2 2 2
3 3 3 3 3 3 3 3
2 2 2 2 2 2 2 2
3 3 3 3 3 3 3 3
2 2 2 2 2 2 2 2
3 3 3 3 3 3 3 3
2 2 2 2 2 2 2 2
3 3 3 3 3 3 3 3
)");

// m16n8, accumulators C and D: 16 rows, 8 columns. Also 16 rows and 8 columns of a warp's part of wgmma's D.
inline const Grid kLaneOfC(R"(
 0  0  1  1  2  2  3  3
 4  4  5  5  6  6  7  7
 8  8  9  9 10 10 11 11
12 12 13 13 14 14 15 15
16 16 17 17 18 18 19 19
20 20 21 21 22 22 23 23
24 24 25 25 26 26 27 27
28 28 29 29 30 30 31 31
 0  0  1  1  2  2  3  3
 4  4  5  5  6  6  7  7
 8  8  9  9 10 10 11 11
12 12 13 13 14 14 15 15
16 16 17 17 18 18 19 19
20 20 21 21 22 22 23 23
24 24 25 25 26 26 27 27
28 28 29 29 30 30 31 31
)");

inline const Grid kElementOfC(R"(
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
0 1 0 1 0 1 0 1
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
2 3 2 3 2 3 2 3
)");

// m16n8k8 with 32-bit inputs, A: 16 rows, 8 columns (k).
inline const Grid kLaneOfA8(R"(
 0  1  2  3   0  1  2  3
 4  5  6  7   4  5  6  7
 8  9 10 11   8  9 10 11
12 13 14 15  12 13 14 15
16 17 18 19  16 17 18 19
20 21 22 23  20 21 22 23
24 25 26 27  24 25 26 27
28 29 30 31  28 29 30 31
 0  1  2  3   0  1  2  3
 4  5  6  7   4  5  6  7
 8  9 10 11   8  9 10 11
12 13 14 15  12 13 14 15
16 17 18 19  16 17 18 19
20 21 22 23  20 21 22 23
24 25 26 27  24 25 26 27
28 29 30 31  28 29 30 31
)");

inline const Grid kElementOfA8(R"(
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
0 0 0 0  2 2 2 2
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
1 1 1 1  3 3 3 3
)");

// m16n8k8 with 32-bit inputs, B: 8 rows (k), 8 columns.
inline const Grid kLaneOfB8(R"(
0 4  8 12 16 20 24 28
1 5  9 13 17 21 25 29
2 6 10 14 18 22 26 30
3 7 11 15 19 23 27 31
0 4  8 12 16 20 24 28
1 5  9 13 17 21 25 29
2 6 10 14 18 22 26 30
3 7 11 15 19 23 27 31
)");

inline const Grid kElementOfB8(R"(
0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 0
1 1 1 1 1 1 1 1
1 1 1 1 1 1 1 1
1 1 1 1 1 1 1 1
1 1 1 1 1 1 1 1
)");

// ldmatrix of one 8x8 matrix: the lane that receives each element; even columns in the lower half of its word.
inline const Grid kLaneOfMatrix(R"(
 0  0  1  1  2  2  3  3
 4  4  5  5  6  6  7  7
 8  8  9  9 10 10 11 11
12 12 13 13 14 14 15 15
16 16 17 17 18 18 19 19
20 20 21 21 22 22 23 23
24 24 25 25 26 26 27 27
28 28 29 29 30 30 31 31
)");

// The same with .trans: even rows in the lower half.
inline const Grid kLaneOfMatrixTransposed(R"(
0 4  8 12 16 20 24 28
0 4  8 12 16 20 24 28
1 5  9 13 17 21 25 29
1 5  9 13 17 21 25 29
2 6 10 14 18 22 26 30
2 6 10 14 18 22 26 30
3 7 11 15 19 23 27 31
3 7 11 15 19 23 27 31
)");

// Swizzles: eight rows as wide as the swizzle; where each 16-byte chunk of a row lies in its row.
inline const Grid kSwizzle128(R"(
0 1 2 3 4 5 6 7
1 0 3 2 5 4 7 6
2 3 0 1 6 7 4 5
3 2 1 0 7 6 5 4
4 5 6 7 0 1 2 3
5 4 7 6 1 0 3 2
6 7 4 5 2 3 0 1
7 6 5 4 3 2 1 0
)");

inline const Grid kSwizzle64(R"(
0 1 2 3
0 1 2 3
1 0 3 2
1 0 3 2
2 3 0 1
2 3 0 1
3 2 1 0
3 2 1 0
)");

inline const Grid kSwizzle32(R"(
0 1
0 1
0 1
0 1
1 0
1 0
1 0
1 0
)");

}  // namespace tables
