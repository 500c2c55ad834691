// What the emulator reports: a defect has a name, an error code of the driver API, and a place in a kernel's source.
#pragma once

#include <string>

namespace emu {

/// Place in a kernel's source, filled in by default arguments at the place that touches memory or synchronises.
struct Where {
    const char* file = "";
    int line = 0;

    static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
    bool operator==(const Where&) const = default;
};

/// An index that remembers where in the source it was written, so that `p[i]` can be reported with its line.
struct Index {
    long long value;
    Where where;

    template <typename Integer>
    constexpr Index(Integer value, Where where = Where::here()) : value(static_cast<long long>(value)), where(where) {}
};

enum class Defect {
    OutOfBoundsGlobal,
    OutOfBoundsShared,
    UseAfterFree,
    MisalignedAccess,
    UnwrittenGlobalRead,
    UnwrittenSharedRead,
    SharedRace,
    AsyncCopyNotWaited,
    BulkCopyNotWaited,
    WgmmaNotWaited,
    WgmmaFenceMissing,
    AsyncCopyUnfinished,
    BulkCopyUnfinished,
    DivergentBarrier,
    DivergentWarp,
    ShuffleUnderDivergence,
    BarrierMisuse,
    StuckBarrier,
    FragmentIndex,
    UnwrittenRegisterRead,
    ProxyFenceMissing,
    RegisterBudget,
    Trap,
    SharedOverflow,
    DoubleFree,
    InvalidFree,
};

/// Name of the defect as it appears at the start of a report, for example "shared-race".
const char* defect_name(Defect defect);

/// CUresult that the launch (or the next synchronising call) returns for the defect.
int defect_error(Defect defect);

/// Reports a defect of the running thread and abandons its block; never returns. The first report of a launch is kept.
[[noreturn]] void report(Defect defect, Where where, const char* format, ...) __attribute__((format(printf, 3, 4)));

/// Takes reports of the running thread of the host in place of the block that it runs; must not return. For the PTX machine,
/// whose threads are no fibers.
using ReportHook = void (*)(Defect defect, const char* detail);
extern thread_local ReportHook report_hook;

/// Records a defect of the host (double free, ...) as the last report.
void report_host(Defect defect, const std::string& text);

/// The last report, empty when there has been none since the last reset.
std::string last_report();
void clear_last_report();
void set_last_report(const std::string& text);

}  // namespace emu
