// Addresses of an instruction's lanes, and the bytes that they mean in each state space.
#pragma once

#include <cstdint>

#include "emulator/global_memory.h"
#include "emulator/ptx/cta.h"
#include "emulator/ptx/translator.h"
#include "emulator/ptx/warp.h"

namespace emu::ptx {

/// Mode bit of an instruction whose address register has 64 bits.
constexpr std::uint16_t kWideAddress = 0x8000;

/// The address in i.a plus i.immediate, for the lanes of the mask.
inline void lane_addresses(const Warp& warp, const Instruction& i, std::uint32_t lanes, std::uint64_t* addresses) {
    if ((i.mode & kWideAddress) != 0) {
        const auto* base = warp.in<std::uint64_t>(i.a);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) addresses[lane] = base[lane] + i.immediate;
    } else {
        const auto* base = warp.in<std::uint32_t>(i.a);
        for (unsigned lane = 0; lane < kWarpLanes; lane++) addresses[lane] = static_cast<std::uint32_t>(base[lane] + i.immediate);
    }
    (void)lanes;
}

inline void set_address(Instruction& i, const Address& address) {
    i.a = address.base;
    i.immediate = static_cast<std::uint64_t>(address.offset);
    if (address.wide) i.mode |= kWideAddress;
}

/// The block whose shared memory an address lies in; reports a rank that the cluster does not have.
inline Cta& shared_block(Warp& warp, unsigned lane, std::uint64_t address) {
    const std::uint64_t rank = address >> kRankShift;
    if (rank == 0) return *warp.cta;
    Cluster& cluster = *warp.cta->cluster;
    if (rank > cluster.size()) {
        report(warp, lane, Defect::OutOfBoundsShared, "address 0x%llx is in the shared memory of no block of the cluster",
               static_cast<unsigned long long>(address));
    }
    return cluster.cta(static_cast<unsigned>(rank - 1));
}

[[noreturn]] void refuse_local(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes);
[[noreturn]] void refuse_param(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes);
/// Whether the bytes belong to a variable of the module.
bool in_module(const Warp& warp, std::uint64_t address, unsigned bytes);
/// Slow half of the accesses to global memory.
void check_global(Warp& warp, unsigned lane, std::uint64_t address, unsigned bytes, bool writes);

template <unsigned kBytes>
inline std::uint8_t* global_bytes(Warp& warp, unsigned lane, std::uint64_t address, bool writes) {
    if (!is_written(reinterpret_cast<const void*>(address), kBytes, kBytes)) [[unlikely]]
        check_global(warp, lane, address, kBytes, writes);
    return reinterpret_cast<std::uint8_t*>(address);
}

template <unsigned kBytes>
inline std::uint8_t* local_bytes(Warp& warp, unsigned lane, std::uint64_t address) {
    const std::uint32_t size = warp.cta->cluster->work->program->local_bytes;
    if (address % kBytes != 0 || address + kBytes > size) refuse_local(warp, lane, address, kBytes);
    return warp.local.data() + std::size_t{size} * lane + address;
}

template <unsigned kBytes>
inline const std::uint8_t* param_bytes(Warp& warp, unsigned lane, std::uint64_t address) {
    const auto& parameters = warp.cta->cluster->work->parameters;
    if (address % kBytes != 0 || address + kBytes > parameters.size()) refuse_param(warp, lane, address, kBytes);
    return parameters.data() + address;
}

}  // namespace emu::ptx
