using Rm.Training.Artifacts;
using Rm.Training.Model;
using Rm.Training.RandomNumbers;

namespace Rm.Training.Loop;

/// <summary>Gives a freshly built model the trainable values that its checkpoint does not bring.</summary>
internal static class ModelStart
{
    /// <summary>LoRA factors and, unless the checkpoint has one, the head: drawn from the seed, or taken from an adapter.</summary>
    public static void Initialize(RewardModel model, string? initAdapter, ulong seed, RandomSource source = RandomSource.Btrm)
    {
        bool drawsHead = !model.HasPretrainedHead;
        if (source == RandomSource.Torch)
        {
            TorchParameterInitializer.Initialize(model.Parameters, drawsHead, model.Config.InitializerRange, seed);
        }
        else
        {
            ParameterInitializer.InitializeLora(model.Parameters, seed);
        }

        if (drawsHead)
        {
            if (source == RandomSource.Btrm)
            {
                ParameterInitializer.InitializeHead(model.Parameters, model.Config.InitializerRange, seed);
            }

            Console.Error.WriteLine("The checkpoint has no reward head (score.weight): a new one is initialised.");
        }

        if (initAdapter is not null)
        {
            ModelFolder.Load(initAdapter, model);
        }
    }
}
