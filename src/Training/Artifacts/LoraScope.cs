using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Training.Artifacts;

/// <summary>What an adapter on disk trains, so that a model can be built to take it.</summary>
internal static class LoraScope
{
    /// <summary>Rank, alpha and modules of an adapter folder.</summary>
    public static TrainingScope Of(string adapterFolder, ModelConfig config, out bool hasHead)
    {
        using var adapter = AdapterFolder.Read(adapterFolder);
        foreach (string warning in adapter.Config.Warnings)
        {
            Console.Error.WriteLine($"{adapterFolder}: {warning}");
        }

        hasHead = adapter.HasScore;
        return new TrainingScope(adapter.Check(config), TrainsEverything: false);
    }

    /// <summary>The base model that an adapter names, or null.</summary>
    public static string? BaseModel(string adapterFolder)
    {
        using var adapter = AdapterFolder.Read(adapterFolder);
        return adapter.Config.BaseModel;
    }
}
