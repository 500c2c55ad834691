#include "emulator/defect.h"

#include <cstdarg>
#include <cstdio>
#include <mutex>

#include "emulator/block.h"
#include "emulator/driver/result.h"

namespace emu {
namespace {

std::mutex report_mutex;
std::string report_text;

struct DefectInfo {
    const char* name;
    int error;
};

DefectInfo info(Defect defect) {
    switch (defect) {
        case Defect::OutOfBoundsGlobal:
            return {"out-of-bounds-global", CUDA_ERROR_ILLEGAL_ADDRESS};
        case Defect::OutOfBoundsShared:
            return {"out-of-bounds-shared", CUDA_ERROR_ILLEGAL_ADDRESS};
        case Defect::UseAfterFree:
            return {"use-after-free", CUDA_ERROR_ILLEGAL_ADDRESS};
        case Defect::MisalignedAccess:
            return {"misaligned-access", CUDA_ERROR_MISALIGNED_ADDRESS};
        case Defect::UnwrittenGlobalRead:
            return {"unwritten-global-read", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::UnwrittenSharedRead:
            return {"unwritten-shared-read", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::SharedRace:
            return {"shared-race", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::AsyncCopyNotWaited:
            return {"async-copy-not-waited", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::BulkCopyNotWaited:
            return {"bulk-copy-not-waited", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::WgmmaNotWaited:
            return {"wgmma-not-waited", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::WgmmaFenceMissing:
            return {"wgmma-fence-missing", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::AsyncCopyUnfinished:
            return {"async-copy-unfinished", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::BulkCopyUnfinished:
            return {"bulk-copy-unfinished", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::DivergentBarrier:
            return {"divergent-barrier", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::DivergentWarp:
            return {"divergent-warp", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::ShuffleUnderDivergence:
            return {"shuffle-under-divergence", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::BarrierMisuse:
            return {"barrier-misuse", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::StuckBarrier:
            return {"stuck-barrier", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::FragmentIndex:
            return {"fragment-index", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::UnwrittenRegisterRead:
            return {"unwritten-register-read", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::ProxyFenceMissing:
            return {"proxy-fence-missing", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::RegisterBudget:
            return {"register-budget", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::Trap:
            return {"trap", CUDA_ERROR_LAUNCH_FAILED};
        case Defect::SharedOverflow:
            return {"shared-overflow", CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES};
        case Defect::DoubleFree:
            return {"double-free", CUDA_ERROR_INVALID_VALUE};
        case Defect::InvalidFree:
            return {"invalid-free", CUDA_ERROR_INVALID_VALUE};
    }
    return {"unknown-defect", CUDA_ERROR_UNKNOWN};
}

}  // namespace

thread_local ReportHook report_hook = nullptr;

const char* defect_name(Defect defect) {
    return info(defect).name;
}

int defect_error(Defect defect) {
    return info(defect).error;
}

void report(Defect defect, Where where, const char* format, ...) {
    char detail[768];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    if (report_hook != nullptr) {
        report_hook(defect, detail);
        __builtin_unreachable();
    }

    const Block& block = *current_block;
    const Thread& thread = *current_thread;
    char text[1536];
    std::snprintf(text, sizeof text, "%s: %s; kernel %s, block (%u,%u,%u), thread (%u,%u,%u) = warp %u lane %u, %s:%d",
                  defect_name(defect), detail, block.launch->name, block.index.x, block.index.y, block.index.z, thread.index.x,
                  thread.index.y, thread.index.z, thread.warp, thread.lane, where.file, where.line);
    block.launch->fail(defect_error(defect), text);
    abandon_block();
}

void report_host(Defect defect, const std::string& text) {
    set_last_report(std::string(defect_name(defect)) + ": " + text);
}

std::string last_report() {
    std::lock_guard lock(report_mutex);
    return report_text;
}

void set_last_report(const std::string& text) {
    std::lock_guard lock(report_mutex);
    report_text = text;
}

void clear_last_report() {
    set_last_report({});
}

}  // namespace emu
