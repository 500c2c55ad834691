#include "emulator/ptx/shared_window.h"

#include <algorithm>

#include "emulator/ptx/cta.h"

namespace emu::ptx {
namespace {

constexpr std::uint8_t kPoison = 0xFF;  // NaN in every floating-point format that kernels use

}  // namespace

SharedWindow::SharedWindow() : bytes_(new Bytes()), end_(kBytes) {}

void SharedWindow::start(std::uint32_t bytes) {
    // Only what the previous block used has to be forgotten.
    const std::uint32_t used = std::max(end_, kFirstShared + bytes);
    std::memset(bytes_->state, kOutside, used);
    std::memset(bytes_->writer, 0, used / 2 * sizeof(Epoch));
    std::memset(bytes_->reader, 0, used / 2 * sizeof(Epoch));
    std::memset(bytes_->other_reader, 0, used / 2 * sizeof(Epoch));
    std::memset(bytes_->uses, 0, used / 16 * sizeof(std::uint16_t));
    end_ = kFirstShared + bytes;
    uses_in_flight_ = 0;
    std::memset(bytes_->state + kFirstShared, kUnwritten, bytes);
    std::memset(bytes_->data + kFirstShared, kPoison, bytes);
}

bool SharedWindow::all_writable(std::uint32_t offset, std::uint32_t count) const {
    for (std::uint32_t i = offset; i < offset + count; i++) {
        if (bytes_->state[i] != kUnwritten && (bytes_->state[i] & 0x80) == 0) return false;
    }
    return true;
}

void SharedWindow::check_inside(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                                const char* verb) {
    if (offset % alignment != 0 || offset < kFirstShared || offset > end_ || count > end_ - offset) {
        refuse(warp, lane, offset, count, alignment, verb);
    }
}

void SharedWindow::refuse(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                          const char* verb) {
    if (offset % alignment != 0) {
        report(warp, lane, Defect::MisalignedAccess, "%s of %u bytes at address %u of shared memory, which is no multiple of %u",
               verb, count, offset, alignment);
    }
    if (offset < kFirstShared || offset > end_ || count > end_ - offset) {
        report(warp, lane, Defect::OutOfBoundsShared,
               "%s of %u bytes at address %u of shared memory, of which the block has %u to %u", verb, count, offset,
               kFirstShared, end_);
    }
    for (std::uint32_t i = offset; i < offset + count; i++) {
        switch (bytes_->state[i]) {
            case kUnwritten:
                if (*verb != 'r') break;
                report(warp, lane, Defect::UnwrittenSharedRead, "read of %u bytes at address %u of shared memory, never written",
                       count, i);
            case kAsyncInFlight:
                report(warp, lane, Defect::AsyncCopyNotWaited, "%s at address %u of shared memory while a cp.async writes it",
                       verb, i);
            case kBulkInFlight:
                report(warp, lane, Defect::BulkCopyNotWaited, "%s at address %u of shared memory while a bulk copy writes it",
                       verb, i);
            case kBarrierObject:
                report(warp, lane, Defect::BarrierMisuse, "%s at address %u of shared memory, which holds an mbarrier", verb, i);
            default:
                break;
        }
    }
    report(warp, lane, Defect::OutOfBoundsShared, "%s of %u bytes at address %u of shared memory, outside of every variable",
           verb, count, offset);
}

void SharedWindow::refuse_race(Warp& warp, unsigned lane, std::uint32_t offset, Epoch other, const char* other_verb,
                               const char* verb) {
    const unsigned thread = other >> kEpochTimeBits;
    if (bytes_->state[offset] == kWrittenByBulk && *other_verb == 'w') {
        report(warp, lane, Defect::BulkCopyNotWaited,
               "%s at address %u of shared memory, into which a bulk copy has landed: no completed wait for that phase of its "
               "mbarrier",
               verb, offset);
    }
    if (thread / kWarpLanes >= warp.cta->warp_count) {
        check_uses(warp, lane, offset, 1);
        const unsigned first = 4 * (kMaxWarps - 1 - thread / kWarpLanes);
        report(warp, lane, Defect::SharedRace,
               "%s at address %u of shared memory is not ordered after the %s by a wgmma of warps %u to %u: nobody who has "
               "waited for "
               "it comes before",
               verb, offset, other_verb, first, first + 3);
    }
    report(warp, lane, Defect::SharedRace,
           "%s at address %u of shared memory is not ordered after the %s by warp %u lane %u: a barrier is missing between them",
           verb, offset, other_verb, thread / kWarpLanes, thread % kWarpLanes);
}

void SharedWindow::check_readers(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, const char* verb) {
    for (const Epoch* readers : {bytes_->reader, bytes_->other_reader}) {
        Epoch known = 0;
        for (std::uint32_t i = offset / 2; i < (offset + count + 1) / 2; i++) {
            if (readers[i] == known) continue;
            if (!ordered(warp, lane, readers[i])) refuse_race(warp, lane, 2 * i, readers[i], "read", verb);
            known = readers[i];
        }
    }
}

void SharedWindow::check_order(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, const char* verb,
                               const std::uint8_t* value) {
    Epoch known = 0;
    for (std::uint32_t i = offset / 2; i < (offset + count + 1) / 2; i++) {
        const Epoch writer = bytes_->writer[i];
        if (writer == known) continue;
        if (!ordered(warp, lane, writer)) {
            const bool same = value != nullptr && bytes_->state[2 * i] == kWritten &&
                              std::memcmp(bytes_->data + 2 * i, value + (2 * i - offset), 2) == 0;
            if (!same) refuse_race(warp, lane, 2 * i, writer, "write", verb);
            continue;
        }
        known = writer;
    }
    check_readers(warp, lane, offset, count, verb);
}

void SharedWindow::check_uses(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count) {
    for (std::uint32_t i = offset / 16; i <= (offset + count - 1) / 16; i++) {
        if (bytes_->uses[i] == 0) continue;
        report(warp, lane, Defect::WgmmaNotWaited,
               "write at address %u of shared memory, which a wgmma or a bulk store in flight still reads", offset);
    }
}

void SharedWindow::check_read(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                              Epoch reader) {
    check_inside(warp, lane, offset, count, alignment, "read");
    Epoch known = 0;
    for (std::uint32_t i = offset; i < offset + count; i++) {
        if ((bytes_->state[i] & 0x80) == 0) refuse(warp, lane, offset, count, alignment, "read");
        const Epoch writer = bytes_->writer[i / 2];
        if (writer == known) continue;
        if (!ordered(warp, lane, writer)) refuse_race(warp, lane, i, writer, "write", "read");
        known = writer;
    }
    note_reader(offset / 2, (count + 1) / 2, reader != 0 ? reader : warp.epoch(lane));
}

void SharedWindow::check_async_read(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count, std::uint32_t alignment,
                                    Epoch reader) {
    check_read(warp, lane, offset, count, alignment, reader);
    Epoch known = 0;
    for (std::uint32_t i = offset; i < offset + count; i += 2) {
        if (bytes_->state[i] == kWrittenByBulk) continue;
        const Epoch writer = bytes_->writer[i / 2];
        if (writer == known) continue;
        known = writer;
        const unsigned thread = writer >> kEpochTimeBits, other = thread / kWarpLanes;
        const std::uint32_t time = writer & kEpochTimeMask;
        // The fence may stand after the write or, once the write has been waited for, before the read.
        if (writer == 0 || time <= warp.cta->warps[other]->proxy_fences[thread % kWarpLanes] ||
            time <= warp.proxy_clock.seen[other])
            continue;
        report(warp, lane, Defect::ProxyFenceMissing,
               "the asynchronous proxy reads address %u of shared memory, which warp %u lane %u has written by the generic one: "
               "fence.proxy.async is missing between them",
               i, other, thread % kWarpLanes);
    }
}

void SharedWindow::check_write_range(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count,
                                     std::uint32_t alignment, const char* verb) {
    check_inside(warp, lane, offset, count, alignment, verb);
    if (!all_writable(offset, count)) refuse(warp, lane, offset, count, alignment, verb);
    check_order(warp, lane, offset, count, verb);
    if (uses_in_flight_ != 0) check_uses(warp, lane, offset, count);
}

void SharedWindow::note_write_range(std::uint32_t offset, std::uint32_t count, ByteState state, Epoch epoch) {
    std::memset(bytes_->state + offset, state, count);
    std::fill(bytes_->writer + offset / 2, bytes_->writer + (offset + count + 1) / 2, epoch);
}

void SharedWindow::check_atomic(Warp& warp, unsigned lane, std::uint32_t offset, std::uint32_t count) {
    check_inside(warp, lane, offset, count, count, "read");
    for (std::uint32_t i = offset; i < offset + count; i++) {
        if ((bytes_->state[i] & 0x80) == 0) refuse(warp, lane, offset, count, count, "read");
        if (bytes_->state[i] == kWrittenByAtomic) continue;
        const Epoch writer = bytes_->writer[i / 2];
        if (!ordered(warp, lane, writer)) refuse_race(warp, lane, i, writer, "write", "atomic operation");
    }
    check_readers(warp, lane, offset, count, "atomic operation");
    if (uses_in_flight_ != 0) check_uses(warp, lane, offset, count);
    note_write_range(offset, count, kWrittenByAtomic, warp.epoch(lane));
}

void SharedWindow::begin_copy(std::uint32_t offset, std::uint32_t count, ByteState state) {
    std::memset(bytes_->state + offset, state, count);
    std::memset(bytes_->data + offset, kPoison, count);
}

void SharedWindow::land(std::uint32_t offset, const void* from, std::uint32_t count, ByteState state, Epoch epoch) {
    std::memcpy(bytes_->data + offset, from, count);
    note_write_range(offset, count, state, epoch);
}

void SharedWindow::make_barrier_object(Warp& warp, unsigned lane, std::uint32_t offset) {
    check_inside(warp, lane, offset, 8, 8, "write");
    if (bytes_->state[offset] == kBarrierObject) {
        report(warp, lane, Defect::BarrierMisuse, "the mbarrier at address %u of shared memory is initialised twice", offset);
    }
    check_write_range(warp, lane, offset, 8, 8, "write");
    note_write_range(offset, 8, kBarrierObject, warp.epoch(lane));
}

void SharedWindow::unmake_barrier_object(std::uint32_t offset) {
    std::memset(bytes_->state + offset, kUnwritten, 8);
}

void SharedWindow::check_barrier_object(Warp& warp, unsigned lane, std::uint32_t offset) {
    check_inside(warp, lane, offset, 8, 8, "use of an mbarrier");
    if (bytes_->state[offset] != kBarrierObject) {
        report(warp, lane, Defect::BarrierMisuse, "no mbarrier has been initialised at address %u of shared memory", offset);
    }
    const Epoch writer = bytes_->writer[offset / 2];
    if (!ordered(warp, lane, writer)) refuse_race(warp, lane, offset, writer, "initialisation", "use of the mbarrier");
}

void SharedWindow::add_use(std::uint32_t offset, std::uint32_t count, int change) {
    for (std::uint32_t i = offset / 16; i <= (offset + count - 1) / 16; i++) {
        bytes_->uses[i] = static_cast<std::uint16_t>(bytes_->uses[i] + change);
    }
    uses_in_flight_ += static_cast<std::uint32_t>(change);
}

}  // namespace emu::ptx
