using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

public sealed class CpuConformanceTests : ConformanceTests
{
    protected override IBackend CreateBackend() => new CpuBackend(threads: 2);
}
