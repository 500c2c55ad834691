using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Host.Options;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm merge</c>.</summary>
internal sealed class MergeCommand
{
    private static readonly Dictionary<string, SafetensorsDType?> DTypes = new(StringComparer.Ordinal)
    {
        ["auto"] = null,
        ["float32"] = SafetensorsDType.F32,
        ["bfloat16"] = SafetensorsDType.BF16,
        ["float16"] = SafetensorsDType.F16,
    };

    private readonly ScoringOptions _scoring = new();
    private readonly DeviceOptions _device = new();
    private readonly Option<string> _output =
        new("--output-dir") { Description = "Folder for the merged checkpoint.", Required = true, HelpName = "DIR" };

    private readonly Option<string> _dtype = new("--dtype")
    {
        Description = "Type of the merged weights: auto (the base's), float32, bfloat16 or float16.",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("merge", "Merge an adapter into its base: a Hugging Face SequenceClassification folder.");
        _scoring.AddTo(command);
        command.Options.Add(_output);
        command.Options.Add(_dtype);
        _device.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        string adapter = _scoring.Adapter(result) ?? throw new UserInputException("--adapter DIR is needed: the adapter to merge.");
        string output = result.GetValue(_output)!;
        if (!DTypes.TryGetValue(result.GetValue(_dtype)!, out SafetensorsDType? dtype))
        {
            throw new UserInputException(
                $"--dtype '{result.GetValue(_dtype)}' is not known. Choose one of: {string.Join(", ", DTypes.Keys)}.");
        }

        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any())
        {
            throw new UserInputException($"--output-dir {output}: is not empty. Choose another folder or remove it.");
        }

        ModelSource source = _scoring.Open(result);
        using IBackend backend = _device.Open(result);
        SequenceLayout probe = MergeProbe.Create(source.Config);
        float[] before;
        using (RewardModel model = source.LoadForScoring(backend, adapter))
        {
            before = model.Score(probe);
        }

        MergedCheckpoint.Write(source.Folder, source.Config, adapter, output, dtype);
        using RewardModel merged = ModelSource.Open(output).LoadForScoring(backend, adapter: null);
        float change = MergeProbe.LargestChange(before, merged.Score(probe));
        Console.Error.WriteLine($"Merged {adapter} into {output}.");
        Console.Out.WriteLine(
            $"largest reward change: {change:G4} over {before.Length} probe sequences (rewards {before.Min():G4} to {before.Max():G4})");
        return ExitCodes.Success;
    }
}
