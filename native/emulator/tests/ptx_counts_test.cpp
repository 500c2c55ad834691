// What the PTX machine counts, on accesses whose sectors and passes can be told by hand; and what its runtime calls do.
#include <string>

#include "emulator/tests/gpu.h"

using test::Buffer;
using test::Gpu;
using test::last_report;

extern "C" void btrmEmuCountLaunches(int on);
extern "C" int btrmEmuLaunchCounts(char* buffer, int capacity);

namespace {

// 32 neighbouring words are read and written, and 32 words 128 bytes apart: of global memory each lies in a sector of its own, of
// shared memory all lie in the first bank.
constexpr const char* kText = R"(.version 8.4
.target sm_80
.address_size 64
.shared .align 1024 .b8 buffer[4096];
.visible .entry counted(.param .u64 in, .param .u64 out)
{
    .reg .b32 %r<8>;
    .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [in];
    ld.param.u64 %rd2, [out];
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd3, %r1, 4;
    add.u64 %rd4, %rd1, %rd3;
    add.u64 %rd5, %rd2, %rd3;
    ld.global.u32 %r2, [%rd4];
    st.global.u32 [%rd5], %r2;
    mul.wide.u32 %rd3, %r1, 128;
    add.u64 %rd4, %rd1, %rd3;
    ld.global.u32 %r2, [%rd4];
    mov.u32 %r3, buffer;
    mad.lo.u32 %r3, %r1, 128, %r3;
    st.shared.u32 [%r3], %r2;
    ld.shared.u32 %r2, [%r3];
    ret;
}
)";

// The assertion that a kernel compiled from C++ calls when it fails.
constexpr const char* kAssertion = R"(.version 8.4
.target sm_80
.address_size 64
.extern .func __assertfail(.param .b64 a, .param .b64 b, .param .b32 c, .param .b64 d, .param .b64 e);
.global .align 1 .b8 text[6] = {120, 32, 62, 32, 48, 0};
.visible .entry counted(.param .u64 in, .param .u64 out)
{
    .reg .b64 %rd<4>;
    mov.u64 %rd1, text;
    cvta.global.u64 %rd2, %rd1;
    {
    .param .b64 param0;
    st.param.b64 [param0+0], %rd2;
    .param .b64 param1;
    st.param.b64 [param1+0], %rd2;
    .param .b32 param2;
    st.param.b32 [param2+0], 42;
    .param .b64 param3;
    st.param.b64 [param3+0], %rd2;
    .param .b64 param4;
    st.param.b64 [param4+0], 1;
    call.uni __assertfail, (param0, param1, param2, param3, param4);
    }
    ret;
}
)";

CUresult run(const char* text) {
    void *module, *function;
    if (CUresult loaded = cuModuleLoadData(&module, text); loaded != CUDA_SUCCESS) return loaded;
    CHECK_CUDA(cuModuleGetFunction(&function, module, "counted"));
    Buffer<float> in(std::vector<float>(1024, 1.0f)), out(1024);
    CUdeviceptr addresses[] = {in.address(), out.address()};
    void* parameters[] = {&addresses[0], &addresses[1]};
    CHECK_CUDA(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, parameters, nullptr));
    return cuCtxSynchronize();
}

}  // namespace

TEST(ptx_counts) {
    Gpu gpu;
    btrmEmuCountLaunches(1);
    const CUresult result = run(kText);
    btrmEmuCountLaunches(0);
    CHECK(result == CUDA_SUCCESS, last_report());
    char text[4096];
    btrmEmuLaunchCounts(text, sizeof text);
    const std::string counts = text;
    for (const char* expected : {"\"target\":\"sm_80\",\"kernel\":\"counted\",\"blocks\":1,\"issued\":16",
                                 "\"sectors\":40,\"sectors_needed\":12", "\"passes\":64,\"passes_needed\":2", "\"memory\":7"}) {
        CHECK(counts.find(expected) != std::string::npos, expected, ": ", counts);
    }
}

TEST(ptx_failed_assertion) {
    Gpu gpu;
    CHECK(run(kAssertion) != CUDA_SUCCESS, "the assertion did not fail");
    CHECK(last_report().find("trap: assertion 'x > 0' failed in x > 0 (x > 0:42)") == 0, last_report());
}
