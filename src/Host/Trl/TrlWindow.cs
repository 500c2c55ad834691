using System.Text.Json;
using System.Text.Json.Serialization;
using Rm.Formats;
using Rm.Training.Evaluation;

namespace Rm.Host.Trl;

/// <summary>
/// Sums of TRL's metrics since its last line: each is a mean over small batches of the batch's own value, so the least reward is a mean of
/// least rewards. Part of a checkpoint, so that a resumed run prints the same lines.
/// </summary>
/// <param name="Batches">Small batches.</param>
/// <param name="Min">Sum of the batches' least rewards of either side.</param>
/// <param name="Mean">Sum of their mean rewards.</param>
/// <param name="Max">Sum of their largest rewards.</param>
/// <param name="Accuracy">Sum of their shares of right pairs; a tie is wrong.</param>
/// <param name="Margin">Sum of their mean margins.</param>
/// <param name="Loss">Sum of the steps' losses.</param>
/// <param name="TotalLoss">Sum of the losses of all steps before this window.</param>
/// <param name="LastLogged">Step of the last line.</param>
internal sealed record TrlWindow(
    int Batches = 0, double Min = 0, double Mean = 0, double Max = 0, double Accuracy = 0, double Margin = 0, double Loss = 0,
    double TotalLoss = 0, int LastLogged = 0)
{
    /// <summary>Name of the file in a checkpoint.</summary>
    public const string FileName = "btrm_window.json";

    /// <summary>The window with one more small batch: <paramref name="size"/> pairs from <paramref name="start"/> on.</summary>
    public TrlWindow With(PairRewards rewards, int start, int size)
    {
        float min = float.PositiveInfinity, max = float.NegativeInfinity;
        double sum = 0, margin = 0;
        int correct = 0;
        for (int i = start; i < start + size; i++)
        {
            float chosen = rewards.Chosen[i], rejected = rewards.Rejected[i];
            (min, max) = (Math.Min(min, Math.Min(chosen, rejected)), Math.Max(max, Math.Max(chosen, rejected)));
            sum += (double)chosen + rejected;
            margin += (double)chosen - rejected;
            correct += chosen > rejected ? 1 : 0;
        }

        // PyTorch gives a batch's accuracy in float32, which shows in the digits of the mean.
        return this with
        {
            Batches = Batches + 1,
            Min = Min + min,
            Mean = Mean + (sum / (2 * size)),
            Max = Max + max,
            Accuracy = Accuracy + ((float)correct / size),
            Margin = Margin + (margin / size),
        };
    }

    /// <summary>The means, in TRL's order, their names after <paramref name="prefix"/>; <paramref name="tokens"/> is not a mean.</summary>
    public IEnumerable<KeyValuePair<string, double>> Figures(long tokens, string prefix = "") =>
    [
        new($"{prefix}num_tokens", tokens), new($"{prefix}min_reward", Min / Batches), new($"{prefix}mean_reward", Mean / Batches),
        new($"{prefix}max_reward", Max / Batches), new($"{prefix}accuracy", Accuracy / Batches), new($"{prefix}margin", Margin / Batches),
    ];

    /// <summary>The window after a line at <paramref name="step"/>.</summary>
    public TrlWindow Logged(int step) => new(TotalLoss: TotalLoss + Loss, LastLogged: step);

    /// <summary>The window after a line at <paramref name="step"/> that had the loss alone: the figures wait for the next line.</summary>
    public TrlWindow LoggedWithoutFigures(int step) => this with { Loss = 0, TotalLoss = TotalLoss + Loss, LastLogged = step };

    /// <summary>The file's content.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, TrlWindowJson.Default.TrlWindow);

    /// <summary>Reads a window. Throws <see cref="UserInputException"/> naming the file.</summary>
    public static TrlWindow Parse(byte[] json, string path)
    {
        try
        {
            return JsonSerializer.Deserialize(json, TrlWindowJson.Default.TrlWindow) is { Batches: >= 0, LastLogged: >= 0 } window
                ? window
                : throw new UserInputException($"{path}: holds values that no run has.");
        }
        catch (JsonException e)
        {
            throw new UserInputException($"{path}: is not of this version of btrm ({e.Message}).", e);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(TrlWindow))]
internal sealed partial class TrlWindowJson : JsonSerializerContext;
