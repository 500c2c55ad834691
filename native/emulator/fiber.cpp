#include "emulator/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if !defined(BTRM_UCONTEXT)
// Saves the six registers that the System V ABI asks a callee to keep, swaps stacks, restores. Signal masks and
// floating-point control words are the same for all fibers of a host thread, so they need no saving.
extern "C" void btrm_fiber_switch(void** save_stack_pointer, void* next_stack_pointer);
asm(R"(
    .text
    .p2align 4
    .globl btrm_fiber_switch
    .hidden btrm_fiber_switch
    .type btrm_fiber_switch, @function
btrm_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size btrm_fiber_switch, . - btrm_fiber_switch
)");
#endif

namespace emu {

#if !defined(BTRM_UCONTEXT)
void Fiber::prepare(void* stack, std::size_t bytes, void (*entry)()) {
    auto top = (reinterpret_cast<std::uintptr_t>(stack) + bytes) & ~std::uintptr_t{15};
    auto* slots = reinterpret_cast<void**>(top);
    // `ret` pops entry and leaves the stack pointer 8 below a multiple of 16, as after a call.
    *--slots = nullptr;
    *--slots = reinterpret_cast<void*>(entry);
    for (int saved = 0; saved < 6; saved++) *--slots = nullptr;
    stack_pointer_ = slots;
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
    btrm_fiber_switch(&from.stack_pointer_, to.stack_pointer_);
}
#else
void Fiber::prepare(void* stack, std::size_t bytes, void (*entry)()) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack;
    context_.uc_stack.ss_size = bytes;
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
    swapcontext(&from.context_, &to.context_);
}
#endif

FiberStacks::~FiberStacks() {
    if (base_ != nullptr) munmap(base_, kStacks * (kStackBytes + kGuardBytes));
}

void* FiberStacks::stack(unsigned index) {
    constexpr std::size_t stride = kStackBytes + kGuardBytes;
    if (base_ == nullptr) {
        void* memory =
            mmap(nullptr, kStacks * stride, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            std::perror("btrm emulator: no address space for the stacks of a block");
            std::abort();
        }
        base_ = static_cast<char*>(memory);
        for (unsigned i = 0; i < kStacks; i++) mprotect(base_ + i * stride, kGuardBytes, PROT_NONE);
    }
    return base_ + index * stride + kGuardBytes;
}

}  // namespace emu
