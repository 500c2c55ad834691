using Rm.Kernels.Images;

// Compiles all kernels for a release: one file FOLDER/TARGET.images a target, which -p:KernelImages=FOLDER embeds.
//   Rm.Kernels.Images FOLDER
if (args.Length != 1)
{
    Console.Error.WriteLine("usage: Rm.Kernels.Images FOLDER");
    return 2;
}

try
{
    foreach (string line in ImageBuilder.Build(args[0]))
    {
        Console.WriteLine(line);
    }

    return 0;
}
catch (Exception failure) when (failure is InvalidOperationException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine(failure.Message);
    return 1;
}
