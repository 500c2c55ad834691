// A thread's part of a matrix: an array whose indices are checked, and which knows whether an asynchronous operation owns it.
#pragma once

#include "emulator/block.h"
#include "emulator/defect.h"

namespace emu {

/// What an operation that runs later needs to know of a fragment, whatever its size.
struct FragmentState {
    bool in_flight = false;
    /// Number of wgmma fences that the thread had executed when it last touched the fragment.
    unsigned touched = 0;
};

template <typename T, int kCount>
class Fragment {
public:
    Fragment() = default;

    T& operator[](Index index) {
        check(index);
        state_.touched = current_thread->wgmma_fences;
        return values_[index.value];
    }

    const T& operator[](Index index) const {
        check(index);
        return values_[index.value];
    }

    T* data() { return values_; }
    const T* data() const { return values_; }
    FragmentState& state() { return state_; }

private:
    void check(const Index& index) const {
        if (index.value < 0 || index.value >= kCount) [[unlikely]] {
            report(Defect::FragmentIndex, index.where, "element %lld of a fragment of %d", index.value, kCount);
        }
        if (state_.in_flight) [[unlikely]] {
            report(Defect::WgmmaNotWaited, index.where, "element %lld of a fragment that a wgmma in flight owns", index.value);
        }
    }

    T values_[kCount] = {};
    FragmentState state_;
};

}  // namespace emu
