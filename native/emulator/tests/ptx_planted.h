// Small PTX kernels with a defect planted in each. Of the lines of a body, those that begin with ! are only in the sound kernel,
// those that begin with ? only in the defective one; the report must name one of the lines that end with "// here".
#pragma once

namespace test {

struct PlantedPtx {
    const char* name;
    unsigned threads, dynamic_shared;
    /// Names of reports, any of which will do.
    const char* expected;
    const char* body;
};

/// in: 1024 floats, of which %rd1 is the address; out: 1024 floats that nobody has written, %rd2; %r1 the thread, %r2 its lane,
/// %r3 its warp; buffer: 4096 bytes of shared memory, %r4 its address; %r5 the address of the thread's word in it.
inline constexpr PlantedPtx kPlantedPtx[] = {
    {"global bounds", 64, 0, "out-of-bounds-global", R"(
!   mul.wide.u32 %rd3, %r1, 4;
?   mul.wide.u32 %rd3, %r1, 68;
    add.u64 %rd4, %rd2, %rd3;
    st.global.u32 [%rd4], %r1; // here
)"},
    {"global alignment", 32, 0, "misaligned-access", R"(
!   ld.global.v2.f32 {%f1, %f2}, [%rd1+8];
?   ld.global.v2.f32 {%f1, %f2}, [%rd1+4]; // here
)"},
    {"unwritten global memory", 32, 0, "unwritten-global-read", R"(
!   ld.global.f32 %f1, [%rd1+64];
?   ld.global.f32 %f1, [%rd2+64]; // here
)"},
    {"unwritten register", 32, 0, "unwritten-register-read", R"(
    setp.lt.u32 %p1, %r2, 16;
!   mov.u32 %r10, 7;
    @%p1 mov.u32 %r10, 8;
    add.u32 %r11, %r10, 1; // here
)"},
    {"unwritten shared memory", 32, 0, "unwritten-shared-read", R"(
!   st.shared.u32 [%r5], %r1;
    ld.shared.u32 %r10, [%r5]; // here
)"},
    {"shared bounds", 32, 0, "out-of-bounds-shared", R"(
!   st.shared.u32 [%r5+3968], %r1;
?   st.shared.u32 [%r5+4000], %r1; // here
)"},
    {"missing barrier between warps", 64, 0, "shared-race unwritten-shared-read", R"(
    st.shared.u32 [%r5], %r1; // here
!   bar.sync 0;
    xor.b32 %r10, %r1, 32;
    shl.b32 %r10, %r10, 2;
    add.u32 %r10, %r10, %r4;
    ld.shared.u32 %r11, [%r10]; // here
)"},
    {"missing second barrier", 64, 0, "shared-race", R"(
    st.shared.u32 [%r5], %r1;
    bar.sync 0;
    xor.b32 %r10, %r1, 32;
    shl.b32 %r10, %r10, 2;
    add.u32 %r10, %r10, %r4;
    ld.shared.u32 %r11, [%r10]; // here
!   bar.sync 0;
    st.shared.u32 [%r5], %r11; // here
)"},
    {"missing order between lanes", 32, 0, "shared-race", R"(
    st.shared.u32 [%r5], %r1;
!   bar.warp.sync -1;
    xor.b32 %r10, %r1, 1;
    shl.b32 %r10, %r10, 2;
    add.u32 %r10, %r10, %r4;
    ld.shared.u32 %r11, [%r10]; // here
)"},
    {"aligned barrier in divergent flow", 64, 0, "divergent-warp", R"(
!   setp.lt.u32 %p1, %r1, 32;
?   setp.lt.u32 %p1, %r1, 16;
    @!%p1 bra SKIP;
    bar.sync 1, 32; // here
SKIP:
)"},
    {"aligned shuffle of part of a warp", 32, 0, "shuffle-under-divergence", R"(
    setp.lt.u32 %p1, %r2, 16;
    @!%p1 bra SKIP;
!   shfl.sync.bfly.b32 %r10, %r1, 1, 31, 0xffff;
?   shfl.sync.bfly.b32 %r10, %r1, 1, 31, -1; // here
SKIP:
)"},
    {"barrier that never completes", 96, 0, "divergent-barrier", R"(
    setp.lt.u32 %p1, %r3, 2;
    @!%p1 bra SKIP;
!   bar.sync 2, 64;
?   bar.sync 2, 96; // here
SKIP:
)"},
    {"barrier with two counts", 64, 0, "divergent-barrier", R"(
    setp.eq.u32 %p1, %r3, 0;
    mov.u32 %r10, 64;
?   selp.b32 %r10, 32, 64, %p1;
    bar.sync 3, %r10; // here
)"},
    {"mbarrier that nobody completes", 32, 0, "stuck-barrier", R"(
    setp.eq.u32 %p1, %r1, 0;
!   @%p1 mbarrier.init.shared::cta.b64 [%r4], 32;
?   @%p1 mbarrier.init.shared::cta.b64 [%r4], 33;
    bar.sync 0;
    mbarrier.arrive.shared::cta.b64 _, [%r4];
WAIT:
    mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r4], 0; // here
    @!%p2 bra WAIT; // here
)"},
    {"too many arrivals", 32, 0, "barrier-misuse", R"(
    setp.eq.u32 %p1, %r1, 0;
!   @%p1 mbarrier.init.shared::cta.b64 [%r4], 64;
?   @%p1 mbarrier.init.shared::cta.b64 [%r4], 47;
    bar.sync 0;
    mbarrier.arrive.shared::cta.b64 _, [%r4], 2; // here
)"},
    {"write over an mbarrier", 32, 0, "barrier-misuse", R"(
    setp.eq.u32 %p1, %r1, 0;
    @%p1 mbarrier.init.shared::cta.b64 [%r4], 1;
    bar.sync 0;
!   st.shared.u32 [%r5+8], %r1;
?   st.shared.u32 [%r5], %r1; // here
)"},
    {"cp.async not waited for", 32, 0, "async-copy-not-waited", R"(
    mul.wide.u32 %rd3, %r1, 16;
    add.u64 %rd4, %rd1, %rd3;
    shl.b32 %r10, %r1, 4;
    add.u32 %r10, %r10, %r4;
    cp.async.cg.shared.global [%r10], [%rd4], 16;
    cp.async.commit_group;
!   cp.async.wait_group 0;
    ld.shared.f32 %f1, [%r10]; // here
)"},
    {"cp.async left at the end", 32, 0, "async-copy-unfinished", R"(
    mul.wide.u32 %rd3, %r1, 16;
    add.u64 %rd4, %rd1, %rd3;
    shl.b32 %r10, %r1, 4;
    add.u32 %r10, %r10, %r4;
    cp.async.cg.shared.global [%r10], [%rd4], 16; // here
    cp.async.commit_group;
!   cp.async.wait_group 0;
)"},
    {"bulk copy not waited for", 32, 0, "bulk-copy-not-waited", R"(
    setp.eq.u32 %p1, %r1, 0;
    @%p1 mbarrier.init.shared::cta.b64 [%r4], 1;
    bar.sync 0;
    @%p1 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r4], 128;
    @%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r4+128], [%rd1], 128, [%r4];
    bar.sync 0;
!WAIT:
!   mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r4], 0;
!   @!%p2 bra WAIT;
    ld.shared.f32 %f1, [%r5+128]; // here
!   bar.sync 0;
)"},
    {"proxy fence missing before a bulk store", 32, 0, "proxy-fence-missing", R"(
    st.shared.u32 [%r5], %r1;
!   fence.proxy.async.shared::cta;
    bar.sync 0;
    setp.eq.u32 %p1, %r1, 0;
    @%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r4], 128; // here
    cp.async.bulk.commit_group;
    cp.async.bulk.wait_group.read 0;
)"},
    {"source of a bulk store overwritten", 32, 0, "wgmma-not-waited", R"(
    st.shared.u32 [%r5], %r1;
    fence.proxy.async.shared::cta;
    bar.sync 0;
    setp.eq.u32 %p1, %r1, 0;
    @%p1 cp.async.bulk.global.shared::cta.bulk_group [%rd2], [%r4], 128;
    cp.async.bulk.commit_group;
!   cp.async.bulk.wait_group.read 0;
    bar.sync 0;
    st.shared.u32 [%r5], %r2; // here
    cp.async.bulk.wait_group.read 0;
)"},
    {"more registers than there are", 128, 0, "register-budget stuck-barrier", R"(
    setmaxnreg.dec.sync.aligned.u32 128;
!   setmaxnreg.inc.sync.aligned.u32 160;
?   setmaxnreg.dec.sync.aligned.u32 160; // here
)"},
    {"trap", 32, 0, "trap", R"(
?   trap; // here
)"},
};

/// The same with four warps and a product: descriptor %rd10 of a tile at %r4 without swizzle, accumulators %f0 to %f3.
inline constexpr PlantedPtx kPlantedProducts[] = {
    {"wgmma without a fence", 128, 0, "wgmma-fence-missing", R"(
!   wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0; // here
    wgmma.commit_group.sync.aligned;
    wgmma.wait_group.sync.aligned 0;
)"},
    {"accumulator touched after the fence", 128, 0, "wgmma-fence-missing", R"(
    wgmma.fence.sync.aligned;
?   add.f32 %f1, %f1, %f2;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0; // here
    wgmma.commit_group.sync.aligned;
    wgmma.wait_group.sync.aligned 0;
)"},
    {"accumulator read before the wait", 128, 0, "wgmma-not-waited", R"(
    wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0;
    wgmma.commit_group.sync.aligned;
!   wgmma.wait_group.sync.aligned 0;
    add.f32 %f5, %f0, %f1; // here
    wgmma.wait_group.sync.aligned 0;
)"},
    {"operand overwritten in flight", 128, 0, "wgmma-not-waited", R"(
    wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0;
    wgmma.commit_group.sync.aligned;
!   wgmma.wait_group.sync.aligned 0;
    bar.sync 0;
    st.shared.u32 [%r5], %r1; // here
    wgmma.wait_group.sync.aligned 0;
)"},
    {"operand overwritten by a warp that knows of no wait", 160, 0, "shared-race wgmma-not-waited", R"(
    setp.ge.u32 %p1, %r1, 128;
    @%p1 bra OTHER;
    wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0; // here
    wgmma.commit_group.sync.aligned;
    wgmma.wait_group.sync.aligned 0;
!   bar.sync 0;
    bra DONE;
OTHER:
!   bar.sync 0;
    st.shared.u32 [%r4], %r1; // here
DONE:
)"},
    {"product never waited for", 128, 0, "wgmma-not-waited", R"(
    wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd10, %rd10, 1, 1, 1, 0, 0; // here
    wgmma.commit_group.sync.aligned;
!   wgmma.wait_group.sync.aligned 0;
)"},
};

}  // namespace test
