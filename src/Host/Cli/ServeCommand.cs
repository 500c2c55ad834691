using System.CommandLine;
using System.Runtime.InteropServices;
using Rm.Host.Options;
using Rm.Host.Serving;
using Rm.Host.Serving.Models;
using Rm.Kernels.Ops;

namespace Rm.Host.Cli;

/// <summary><c>btrm serve</c>.</summary>
internal sealed class ServeCommand
{
    private readonly ServingOptions _serving = new();
    private readonly TextOptionGroup _text = new();
    private readonly DeviceOptions _device = new();

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command(
            "serve",
            "Answer requests for rewards over HTTP: the interfaces of vLLM, SGLang, OpenRLHF, LLaMA-Factory and OAT, and btrm's own.");
        foreach (OptionGroup group in new OptionGroup[] { _serving, _text, _device })
        {
            group.AddTo(command);
        }

        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        ServedModelChoice choice = _serving.Models(result) with
        {
            MaxLength = _text.MaxSeqLenGiven(result),
            TextOptions = (vocabSize, trained) => _text.ReadForScoring(result, vocabSize, trained),
        };
        _serving.Check(result);
        using IBackend backend = _device.Open(result);
        using ServedModels models = ServedModelLoader.Load(choice, backend);
        RewardServerOptions options = _serving.Server(result, isCpu: backend.Description.StartsWith("cpu", StringComparison.Ordinal));
        RunAsync(models, options).GetAwaiter().GetResult();
        return ExitCodes.Success;
    }

    private static async Task RunAsync(ServedModels models, RewardServerOptions options)
    {
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        await using RewardServer server = await RewardServer.StartAsync(models, options).ConfigureAwait(false);
        Console.Out.WriteLine($"{server.Address} serves {string.Join(", ", models.All.Select(model => model.Name))}; Ctrl-C ends it.");
        await Console.Out.FlushAsync().ConfigureAwait(false);
        await stop.Task.ConfigureAwait(false);
        Console.Error.WriteLine("Stopping: what was accepted is finished. A second signal ends at once.");
        await server.StopAsync().ConfigureAwait(false);

        void Stop(PosixSignalContext context)
        {
            // The second one takes its usual course.
            context.Cancel = stop.TrySetResult();
        }
    }
}
