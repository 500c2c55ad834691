using System.Globalization;
using Rm.Training.Model;

namespace Rm.Host.Options;

/// <summary>Whether the learning settings suit the size of the model.</summary>
internal static class PresetAdvice
{
    /// <summary>
    /// Embedding and decoder weights from which a model counts as one of 7B size: half-way between the two sizes of the training guide.
    /// </summary>
    public const long LargeModelParameters = 5_000_000_000;

    /// <summary>The learning rate of the 3B settings, which a model of 7B size overfits with.</summary>
    public const double SmallModelLearningRate = 5e-5;

    /// <summary>
    /// A warning when a model of 7B size is trained with the 3B preset, or at its learning rate or a higher one; null otherwise.
    /// </summary>
    public static string? Warning(ModelConfig config, string? preset, double learningRate)
    {
        long parameters = Parameters(config);
        bool smallPreset = preset == Preset.Guide3B;
        if (parameters < LargeModelParameters || !(smallPreset || learningRate >= SmallModelLearningRate))
        {
            return null;
        }

        string what = smallPreset
            ? $"{Preset.OptionName} {preset}"
            : string.Create(CultureInfo.InvariantCulture, $"--lr {learningRate:0.######e-0}");
        return string.Create(CultureInfo.InvariantCulture,
            $"warning: {what} is meant for models of about 3 billion parameters, and this one has {parameters / 1e9:0.0} billion. In the "
                + $"training guide's "
            + $"experiments a 7B model overfitted badly with it; {Preset.OptionName} {Preset.Guide7B} has rate 1e-5, rank 16, weight "
            + $"decay 0.05, patience 3.");
    }

    /// <summary>
    /// Weights of the embedding and of the decoder layers' linear maps; norms, biases and the unused language-model head do not count.
    /// </summary>
    public static long Parameters(ModelConfig config)
    {
        long c = config.HiddenSize;
        long attention = c * config.HeadDim * (2L * config.Heads + 2L * config.KvHeads);
        long mlp = 3 * c * config.IntermediateSize;
        long mixture = config.Experts is { } experts ? experts.Count * c * (1 + (3L * experts.Width)) : 0;
        int mixtures = Enumerable.Range(0, config.Layers).Count(config.IsMixtureLayer);
        return (config.VocabSize * c) + (config.Layers * attention) + ((config.Layers - mixtures) * mlp) + (mixtures * mixture);
    }
}
