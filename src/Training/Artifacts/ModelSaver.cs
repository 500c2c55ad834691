using Rm.Formats.Files;
using Rm.Kernels.Ops;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>
/// Saves a model so that it counts only after it was read back from disk, compared to the bit, loaded again and found to give the same
/// rewards.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="baseModel">What the user named as the model.</param>
/// <param name="baseFolder">The base checkpoint's folder, or null.</param>
/// <param name="artifact">What goes into <see cref="ArtifactInfo.FileName"/>.</param>
/// <param name="probe">A few sequences to score before and after.</param>
/// <param name="files">How files are written.</param>
public sealed class ModelSaver(
    RewardModel model, string baseModel, string? baseFolder, ArtifactInfo artifact, SequenceLayout probe, IFileLayer? files = null)
{
    /// <summary>Whether an adapter's folder gets the tokenizer's files too, as TRL's do; a whole model's always does.</summary>
    public bool AlwaysSavesTokenizer { get; init; }

    /// <summary>Goes into the config.json of a whole model; null keeps what the base says.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>The model that is saved.</summary>
    public RewardModel Model => model;

    /// <summary>How files are written.</summary>
    public IFileLayer? FileLayer => files;

    /// <summary>Saves the model alone into a folder. Throws <see cref="SaveFailedException"/>; what was there before stays.</summary>
    public void Save(string target)
    {
        using var save = DurableDirectory.Begin(target, files);
        WriteVerified(save);
        save.Commit();
    }

    /// <summary>
    /// Writes the model's files into a save and verifies them there. Throws <see cref="NonFiniteException"/> when the model is of no use.
    /// </summary>
    public void WriteVerified(DurableDirectory save)
    {
        float[] before = model.Score(probe);
        if (!before.All(float.IsFinite))
        {
            throw new NonFiniteException($"{save.TargetPath} was not saved: the model gives a reward that is not a finite number.");
        }

        ModelFolder.Write(save, model, baseModel, baseFolder, PadTokenId);
        if (AlwaysSavesTokenizer && model.Scope.Lora is not null)
        {
            ModelFolder.CopyTokenizer(save, baseFolder);
        }

        save.Write(ArtifactInfo.FileName, artifact.ToJson());
        ModelFolder.Verify(save.TemporaryPath, model);
        ModelFolder.Load(save.TemporaryPath, model);
        float[] after = model.Score(probe);
        for (int i = 0; i < before.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(before[i]) != BitConverter.SingleToInt32Bits(after[i]))
            {
                throw new SaveFailedException(
                    $"{save.TargetPath}: the saved model gives reward {after[i]} where the trained one gave {before[i]}; the save was "
                        + $"discarded.");
            }
        }
    }
}
