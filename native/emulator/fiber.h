// A stack that can be left and entered again: the emulator runs every thread of a block on one.
#pragma once

#include <cstddef>

#if !defined(__x86_64__) && !defined(BTRM_UCONTEXT)
#define BTRM_UCONTEXT
#endif
#if defined(BTRM_UCONTEXT)
#include <ucontext.h>
#endif

namespace emu {

/// One switchable stack. The thread of the host that runs the block is a fiber too (without a stack of ours).
class Fiber {
public:
    /// Prepares the fiber to call entry() on [stack, stack + bytes) when it is first switched to. entry must not return.
    void prepare(void* stack, std::size_t bytes, void (*entry)());

    /// Leaves `from` and continues `to`; returns when somebody switches back to `from`.
    static void switch_to(Fiber& from, Fiber& to);

private:
#if !defined(BTRM_UCONTEXT)
    void* stack_pointer_ = nullptr;
#else
    ucontext_t context_;
#endif
};

/// Address space for the stacks of one block, with an inaccessible page below every stack; pages are committed when touched.
class FiberStacks {
public:
    FiberStacks() = default;
    FiberStacks(const FiberStacks&) = delete;
    FiberStacks& operator=(const FiberStacks&) = delete;
    ~FiberStacks();

    /// Stacks end at different offsets in their pages: all at the same one, the lanes of a warp would evict one another from the
    /// first-level cache, whose sets are chosen by that offset.
    static constexpr std::size_t usable_bytes(unsigned index) { return kStackBytes - index % 32 * 128; }

    /// Lowest usable byte of stack number `index`; makes room for at least that many on first use.
    void* stack(unsigned index);

private:
    static constexpr std::size_t kStackBytes = 64 * 1024;
    static constexpr unsigned kStacks = 1024;
    static constexpr std::size_t kGuardBytes = 4096;
    char* base_ = nullptr;
};

}  // namespace emu
