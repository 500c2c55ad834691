// A kernel made ready to run: instructions with the function that executes them and the places of their operands.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace emu::ptx {

class Warp;
struct Instruction;

/// Executes an instruction for the lanes of the mask, which is never empty.
using Handler = void (*)(Warp& warp, const Instruction& instruction, std::uint32_t lanes);

/// Place of an operand: byte offset of 32 lanes' values in the warp's registers, or, with the top bit set, in the constants.
using Slot = std::uint32_t;
constexpr Slot kConstantSlot = 0x80000000u;

/// Predicates are 32-bit masks, one bit a lane. The first two are constants.
constexpr std::uint16_t kTrue = 0, kFalse = 1, kFirstPredicate = 2;

struct Instruction {
    Handler run = nullptr;
    Slot d = 0, a = 0, b = 0, c = 0;
    /// The lanes that take part are those of predicate `guard` xor `guard_flip`.
    std::uint32_t guard_flip = 0;
    std::uint16_t guard = kTrue;
    /// For the handler's own use.
    std::uint16_t mode = 0;
    std::int32_t line = 0;
    std::int32_t number = 0;
    std::uint64_t immediate = 0;
    const Slot* list = nullptr;
    /// Where a branch leads; null for others.
    const Instruction* target = nullptr;
    /// Where lanes that a branch parted meet again; null when only at the end.
    const Instruction* join = nullptr;
};

/// How an instruction touches memory, as its opcode says; for counts.
struct AccessShape {
    enum class Kind : std::uint8_t { None, Load, Store, AsyncCopy, Matrices };
    Kind kind = Kind::None;
    /// Of one lane; of ldmatrix and stmatrix: the number of matrices.
    std::uint8_t bytes = 0;
    /// 'g' global, 's' shared, '?' as the address says, 'o' others.
    char space = 'o';
    static AccessShape parse(const std::string& opcode);
};

/// What an instruction reads and writes, by number of the PTX register; for checks and for messages.
struct Accesses {
    std::vector<std::int32_t> reads, writes;
};

struct ParameterPlace {
    std::uint32_t offset, bytes, alignment;
};

/// A special register that the kernel reads, and the slot that holds it from the start.
enum class Special : std::uint8_t {
    TidX,
    TidY,
    TidZ,
    NtidX,
    NtidY,
    NtidZ,
    CtaidX,
    CtaidY,
    CtaidZ,
    NctaidX,
    NctaidY,
    NctaidZ,
    LaneId,
    WarpId,
    NwarpId,
    SmId,
    NsmId,
    LaneMaskEq,
    LaneMaskLe,
    LaneMaskLt,
    LaneMaskGe,
    LaneMaskGt,
    DynamicSharedSize,
    TotalSharedSize,
    GridId,
    ClusteridX,
    ClusteridY,
    ClusteridZ,
    NclusteridX,
    NclusteridY,
    NclusteridZ,
    ClusterCtaidX,
    ClusterCtaidY,
    ClusterCtaidZ,
    ClusterNctaidX,
    ClusterNctaidY,
    ClusterNctaidZ,
    ClusterCtarank,
    ClusterNctarank,
    IsExplicitCluster,
};

struct Program {
    std::string name;
    std::vector<Instruction> code;
    std::vector<Accesses> accesses;           // by number of the instruction
    std::vector<const std::string*> opcodes;  // by number of the instruction, for messages
    std::vector<AccessShape> shapes;          // by number of the instruction, for counts
    std::string target;                       // of the text: sm_90a
    std::vector<std::unique_ptr<Slot[]>> lists;
    std::vector<std::uint8_t> constants;
    std::vector<std::pair<Special, Slot>> specials;
    std::uint32_t register_bytes = 0;
    std::uint32_t predicates = kFirstPredicate;
    std::uint32_t local_bytes = 0;
    std::uint32_t static_shared_bytes = 0, dynamic_shared_start = 0;
    std::vector<ParameterPlace> parameters;
    std::uint32_t parameter_bytes = 0;
    unsigned max_threads = 1024, required_threads = 0, cluster_size = 0, max_registers = 0;
    /// Registers that a path exists to the reading of without a writing before it; number -> index of their mask.
    std::vector<std::int32_t> tracked_registers;
    /// The same by register: index of its mask, or -1.
    std::vector<std::int32_t> tracked_index;
    /// The .global and .const variables of the module.
    std::uint64_t module_data = 0, module_data_bytes = 0;
    /// Registers that a wgmma accumulates in or reads, by PTX register number; -1 for others.
    std::vector<std::int32_t> wgmma_registers;
    std::uint32_t wgmma_register_count = 0;
};

}  // namespace emu::ptx
