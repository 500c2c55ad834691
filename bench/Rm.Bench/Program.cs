using Rm.Bench;

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
    default:
        Console.Error.WriteLine("usage: Rm.Bench gemm [--threads N] [--path avx512|avx2|scalar] [--repeats N]\n       Rm.Bench lora [--threads N] [--tokens M]\n       Rm.Bench ops [--threads N] [--repeats N] [--pairs N]");
        return 2;
}
