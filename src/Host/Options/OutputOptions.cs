using System.CommandLine;
using Rm.Formats;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Options;

/// <summary>Where a run writes and whether it goes on from an earlier one.</summary>
internal sealed class OutputOptions : OptionGroup
{
    private const string Auto = "auto";

    private static readonly Dictionary<string, bool> Viewers = new(StringComparer.Ordinal) { ["none"] = false, ["tensorboard"] = true };

    private readonly Option<string?> _outputDir;
    private readonly Option<string?> _resume;
    private readonly Option<bool> _overwrite;
    private readonly Option<string> _reportTo;

    public OutputOptions()
    {
        _outputDir = AddOptional<string>("--output-dir", "Folder for everything that the run writes.", "DIR");
        _resume = AddOptional<string>("--resume", "Go on from a checkpoint: auto (the newest), or its folder.", "auto|DIR");
        _resume.Arity = ArgumentArity.ZeroOrOne;
        _overwrite = AddFlag("--overwrite", "Remove the run that is in the output folder.");
        _reportTo = Add("--report-to", "Write the metrics for another viewer as well: none or tensorboard.", "none", "NAME");
    }

    /// <summary>Whether the run goes on from an earlier one.</summary>
    public bool Resumes(ParseResult result) => result.GetResult(_resume) is { Implicit: false };

    /// <summary>Whether metrics go to TensorBoard's files as well.</summary>
    public bool ReportsToTensorBoard(ParseResult result) => Choose(result, _reportTo, Viewers);

    /// <summary>Takes the output directory.</summary>
    public RunDirectory Open(ParseResult result)
    {
        string path = result.GetValue(_outputDir)
            ?? throw new UserInputException("--output-dir DIR is needed: the run's results go there.");
        bool overwrite = result.GetValue(_overwrite);
        if (overwrite && Resumes(result))
        {
            throw new UserInputException("Give either --resume or --overwrite, not both.");
        }

        return RunDirectory.Open(path, overwrite ? ExistingRun.Overwrite : Resumes(result) ? ExistingRun.Resume : ExistingRun.Refuse);
    }

    /// <summary>
    /// Restores the newest usable checkpoint (or the one named) into the model and returns its state; a fresh state when there is none.
    /// </summary>
    public TrainerState Resume(ParseResult result, RunDirectory run, CheckpointStore store, RewardModel model)
    {
        if (!Resumes(result))
        {
            return new TrainerState();
        }

        string? named = result.GetValue(_resume);
        if (named is not (null or Auto))
        {
            TrainerState state = Announce(named, CheckpointStore.Load(named, model));
            store.RemoveAfter(state.Step);
            return state;
        }

        foreach ((int _, string path) in store.List())
        {
            try
            {
                return Announce(path, CheckpointStore.Load(path, model));
            }
            catch (UserInputException e)
            {
                Console.Error.WriteLine($"{path} cannot be used ({e.Message}); trying an older checkpoint.");
            }
        }

        if (store.List().Count > 0)
        {
            throw new UserInputException($"{run.Checkpoints}: no checkpoint can be read. Start anew with --overwrite.");
        }

        Console.Error.WriteLine($"{run.FolderPath}: no checkpoint yet; starting from the beginning.");
        return new TrainerState();
    }

    private static TrainerState Announce(string path, TrainerState state)
    {
        Console.Error.WriteLine($"Resuming from {path} (step {state.Step}).");
        return state;
    }
}
