using Rm.Bench;
using Rm.Bench.Cuda;

switch (args.FirstOrDefault())
{
    case "gemm":
        return GemmBench.Run(args[1..]);
    case "lora":
        return LoraBench.Run(args[1..]);
    case "gemm-compare":
        return GemmCompare.Run(args[1..]);
    case "ops":
        return OpsBench.Run(args[1..]);
    case "kernels":
        return KernelBench.Run(args[1..]);
    case "launch":
        return LaunchBench.Run();
    default:
        Console.Error.WriteLine("usage: Rm.Bench gemm [--threads N] [--path avx512|avx2|scalar] [--repeats N]\n       Rm.Bench lora "
            + "[--threads N] [--tokens M]\n       Rm.Bench ops [--threads N] [--repeats N] [--pairs N]\n       Rm.Bench kernels [--device "
            + "N] [--filter NAME] [--repeats N] [--ceiling-tflops X] [--jsonl FILE]\n       Rm.Bench launch");
        return 2;
}
