using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Json;
using Rm.Formats.Safetensors;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Training.Loop;

/// <summary>
/// The <c>checkpoints/step-N</c> folders of a run: model, optimizer moments and trainer state. A folder appears under its name only when it
/// is complete and on the disk.
/// </summary>
/// <param name="folder">The run's checkpoints folder.</param>
/// <param name="saver">Saves the model.</param>
/// <param name="layout">Names of the folders and of the state's file; null for btrm's.</param>
public sealed class CheckpointStore(string folder, ModelSaver saver, RunLayout? layout = null)
{
    private const string OptimizerFileName = "optimizer.safetensors";
    private const string FirstMoment = "exp_avg.";
    private const string SecondMoment = "exp_avg_sq.";

    private readonly RunLayout _layout = layout ?? RunLayout.Btrm;

    /// <summary>Paths of complete checkpoints with their steps, newest first.</summary>
    public IReadOnlyList<(int Step, string Path)> List()
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        return [.. Directory.GetDirectories(folder)
            .Select(path => (Step: _layout.StepOf(Path.GetFileName(path)), Path: path))
            .Where(item => item.Step >= 0)
            .OrderByDescending(item => item.Step)];
    }

    /// <summary>
    /// Saves a checkpoint: writes it, syncs it, reads it back and compares it with the model, puts it in place. Then removes the oldest
    /// beyond
    /// <paramref name="keep"/>. Throws <see cref="SaveFailedException"/>; older checkpoints stay.
    /// </summary>
    /// <param name="state">The run's state.</param>
    /// <param name="keep">Checkpoints to keep.</param>
    /// <param name="files">Further files.</param>
    /// <param name="best">Step whose checkpoint stays however old it is, or null.</param>
    public string Save(TrainerState state, int keep, IEnumerable<(string Name, byte[] Content)>? files = null, int? best = null)
    {
        string target = Path.Combine(folder, _layout.CheckpointPrefix + state.Step);
        using (var save = DurableDirectory.Begin(target, saver.FileLayer))
        {
            RewardModel model = saver.Model;
            ParameterBuffer parameters = model.Parameters;
            TensorToWrite[] moments =
            [
                .. ModelFolder.Tensors(model, name => FirstMoment + name, parameters.FirstMoment),
                .. ModelFolder.Tensors(model, name => SecondMoment + name, parameters.SecondMoment),
            ];
            save.Write(OptimizerFileName, stream => SafetensorsWriter.Write(stream, moments), SafetensorsWriter.FileLength(moments));
            save.Write(_layout.StateFile, state.ToJson());
            foreach ((string name, byte[] content) in files ?? [])
            {
                save.Write(name, content);
            }

            saver.WriteVerified(save);
            save.WriteChecksums();
            save.Commit();
        }

        List<(int Step, string Path)> older =
            [.. List().Where(item => item.Step < state.Step).OrderByDescending(item => item.Step == best)];
        int others = Math.Max(older is [var first, ..] && first.Step == best ? 1 : 0, keep - 1);
        foreach ((int _, string path) in older.Skip(others))
        {
            TryDelete(path);
        }

        return target;
    }

    /// <summary>Removes checkpoints of later steps than <paramref name="step"/>: a run that goes on from there makes them anew.</summary>
    public void RemoveAfter(int step)
    {
        foreach ((int _, string path) in List().Where(item => item.Step > step))
        {
            TryDelete(path);
        }
    }

    /// <summary>
    /// Restores parameters and moments and returns the state. Throws <see cref="UserInputException"/> naming what is wrong.
    /// </summary>
    public static TrainerState Load(string path, RewardModel model, RunLayout? layout = null)
    {
        layout ??= RunLayout.Btrm;
        ChecksumFile.Verify(path);
        string statePath = Path.Combine(path, layout.StateFile);
        var state = TrainerState.Parse(JsonInput.ReadFile(statePath), statePath);
        if (layout.StepOf(Path.GetFileName(Path.TrimEndingDirectorySeparator(path))) is >= 0 and var named && named != state.Step)
        {
            throw new UserInputException($"{statePath}: is of step {state.Step}, not of the step that the folder is named after.");
        }

        ModelFolder.Load(path, model);
        using var file = SafetensorsFile.Open(Path.Combine(path, OptimizerFileName));
        ParameterBuffer parameters = model.Parameters;
        foreach (Parameter parameter in parameters.All)
        {
            float[] values = new float[parameter.Count];
            file.ReadFloat32(FirstMoment + parameter.Name, values);
            parameters.Write(parameters.FirstMoment, parameter, values);
            file.ReadFloat32(SecondMoment + parameter.Name, values);
            parameters.Write(parameters.SecondMoment, parameter, values);
        }

        return state;
    }

    // The new checkpoint is what counts; an old one that stays costs space, not the run.
    private void TryDelete(string path)
    {
        try
        {
            (saver.FileLayer ?? DiskFileLayer.Instance).DeleteDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"{path}: cannot be removed ({e.Message}).");
        }
    }
}
