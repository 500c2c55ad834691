using Rm.Kernels.Ops;
using Rm.Training.Model;

namespace Rm.Training.Loop;

/// <summary>
/// The ranges of the parameter buffer with a learning rate and weight decay of their own: head and backbone, or LoRA+ (Hayou et al. 2024)
/// as PEFT groups it: A factors and the head at the rate, B factors and all vectors at the rate times the ratio, vectors without decay, the
/// embedding's factors at a rate of theirs.
/// </summary>
internal static class ParameterGroups
{
    /// <summary>The groups of an update.</summary>
    /// <param name="parameters">All parameters.</param>
    /// <param name="options">Settings of the run.</param>
    /// <param name="factor">The schedule's factor of the step.</param>
    public static List<AdamWGroup> Of(ParameterBuffer parameters, TrainingOptions options, double factor)
    {
        if (options.LoraPlusRatio is { } ratio)
        {
            return OfLoraPlus(parameters, options, ratio, factor);
        }

        double learningRate = options.LearningRate * factor, decay = options.WeightDecay;
        double backboneRate = learningRate * options.BackboneLearningRateMultiplier;
        var groups = new List<AdamWGroup> { new(parameters.HeadStart, parameters.Length - parameters.HeadStart, learningRate, decay) };
        if (parameters.HeadStart == 0)
        {
            return groups;
        }

        if (options.DecaysVectors || decay == 0 || options.HeadOnlyWeightDecay)
        {
            groups.Add(new AdamWGroup(0, parameters.HeadStart, backboneRate, options.HeadOnlyWeightDecay ? 0 : decay));
            return groups;
        }

        var backbone = new List<AdamWGroup>();
        foreach (Parameter parameter in parameters.All.Where(p => p.Offset < parameters.HeadStart))
        {
            Append(backbone, parameter, backboneRate, parameter.IsVector ? 0 : decay);
        }

        return [.. groups, .. backbone];
    }

    // Neighbours of one kind become one range; gaps between them are zeros that stay zero.
    private static List<AdamWGroup> OfLoraPlus(ParameterBuffer parameters, TrainingOptions options, double ratio, double factor)
    {
        var groups = new List<AdamWGroup>();
        foreach (Parameter parameter in parameters.All)
        {
            double rate = parameter.Kind == ParameterKind.EmbeddingFactor
                ? options.LoraPlusEmbeddingRate
                : parameter.Kind == ParameterKind.LoraB || parameter.IsVector ? options.LearningRate * ratio : options.LearningRate;
            double decay = parameter.IsVector ? 0 : options.WeightDecay;
            Append(groups, parameter, rate * factor, decay);
        }

        return groups;
    }

    private static void Append(List<AdamWGroup> groups, Parameter parameter, double rate, double decay)
    {
        if (groups.Count > 0 && groups[^1] is var last && last.LearningRate == rate && last.WeightDecay == decay)
        {
            groups[^1] = last with { Length = parameter.Offset + parameter.Count - last.Start };
        }
        else
        {
            groups.Add(new AdamWGroup(parameter.Offset, parameter.Count, rate, decay));
        }
    }
}
