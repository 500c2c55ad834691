using Rm.Bench;

switch (args.FirstOrDefault())
{
    case "gemm":
        return GemmBench.Run(args[1..]);
    case "gemm-serve":
        return GemmServe.Run(args[1..]);
    default:
        Console.Error.WriteLine("usage: Rm.Bench gemm [--threads N] [--path avx512|avx2|scalar] [--repeats N]");
        return 2;
}
