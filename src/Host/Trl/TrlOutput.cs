using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Formats.Tokenization;
using Rm.Training.Artifacts;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Trl;

/// <summary>TRL's output folder: checkpoint-N beside the last model's own files.</summary>
internal static class TrlOutput
{
    private const string Staging = "final-model";

    /// <summary>Names in it. transformers' name of a checkpoint's state is taken by its own file.</summary>
    public static RunLayout Layout { get; } = new(
        "--output_dir", "", "checkpoint-", "btrm_trainer_state.json", KeepsBest: false, KeepsFinal: false,
        [
            AdapterFiles.Config, AdapterFiles.Weights, ModelConfig.FileName, SafetensorsCheckpoint.SingleFileName,
            ModelFolder.ArtifactFileName,
            .. ModelFolder.TokenizerFiles, ChatTemplateFiles.FileName,
        ]);

    /// <summary>
    /// Saves the model into the folder itself: verified in a folder of its own, then moved file by file, each in one piece.
    /// </summary>
    /// <exception cref="SaveFailedException">It cannot be written, or does not read back.</exception>
    public static void SaveFinal(RunDirectory run, ModelSaver saver)
    {
        string staging = Path.Combine(run.FolderPath, Staging);
        saver.Save(staging);
        IFileLayer files = saver.FileLayer ?? DiskFileLayer.Instance;
        try
        {
            foreach (string file in Directory.GetFiles(staging, "*", SearchOption.AllDirectories))
            {
                string target = Path.Combine(run.FolderPath, Path.GetRelativePath(staging, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Move(file, target, overwrite: true);
            }

            files.FlushDirectory(run.FolderPath);
            files.DeleteDirectory(staging);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"{run.FolderPath}: the model is in {staging}, but cannot be moved from there ({e.Message}).", e);
        }
    }
}
