using System.CommandLine;
using Rm.Host.Model;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;

namespace Rm.Host.Cli;

/// <summary>Where to compute.</summary>
internal sealed class DeviceOptions : OptionGroup
{
    private static readonly Dictionary<string, Recompute> RecomputeModes =
        new(StringComparer.Ordinal)
        {
            ["none"] = Recompute.None,
            ["selective"] = Recompute.Selective,
            ["full"] = Recompute.Full,
        };

    private readonly Option<string> _device;
    private readonly Option<int> _threads;
    private readonly Option<string> _recompute;

    public DeviceOptions()
    {
        _device = Add("--device", "auto or cpu.", "auto", "DEVICE");
        _threads = Add("--threads", "Processor threads; 0 takes all.", 0, "N");
        _recompute = Add("--recompute", "What backward computes again instead of keeping it: none, selective or full.", "selective", "MODE");
    }

    /// <summary>What backward computes again.</summary>
    public Recompute RecomputeMode(ParseResult result) => Choose(result, _recompute, RecomputeModes);

    /// <summary>Opens the device. Says on stderr which one and why.</summary>
    public IBackend Open(ParseResult result)
    {
        string device = result.GetValue(_device)!;
        int threads = result.GetValue(_threads);
        Require(threads >= 0, _threads, "must be 0 or more");
        if (device is not ("auto" or "cpu"))
        {
            throw new UserInputException(
                device == "cuda" || device.StartsWith("cuda:", StringComparison.Ordinal)
                    ? $"--device {device}: this build of btrm has no CUDA backend yet; use --device cpu."
                    : $"--device '{device}' is not known. Choose auto or cpu.");
        }

        IBackend backend = new CpuBackend(threads == 0 ? Environment.ProcessorCount : threads);
        Console.Error.WriteLine($"device: {backend.Description}{(device == "auto" ? " (auto: this build computes on the CPU only)" : "")}");
        return backend;
    }
}
