using System.Text.Json;
using System.Text.Json.Serialization;
using Rm.Formats;

namespace Rm.Training.Loop;

/// <summary>
/// What a run must know besides parameters and optimizer moments to go on as if it had never stopped. Data order and random numbers are
/// functions of seed and step, so no generator state is kept.
/// </summary>
/// <param name="Step">Updates done.</param>
/// <param name="NumTokens">Tokens of both full sequences of every pair trained on.</param>
/// <param name="ElapsedSeconds">Time spent training, over all sessions.</param>
/// <param name="LastEvalStep">Step of the last evaluation; -1 before the first.</param>
/// <param name="Best">Best evaluation so far.</param>
/// <param name="Window">Metrics since the last line.</param>
public sealed record TrainerState(
    int Step = 0, long NumTokens = 0, double ElapsedSeconds = 0, int LastEvalStep = -1, BestSoFar? Best = null,
    MetricsWindow? Window = null)
{
    /// <summary>Name of the file in a checkpoint.</summary>
    public const string FileName = "trainer_state.json";

    /// <summary>The state as JSON; doubles are written so that they read back to the bit.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, TrainerStateJson.Default.TrainerState);

    /// <summary>Reads a state. Throws <see cref="UserInputException"/> naming the file.</summary>
    public static TrainerState Parse(byte[] json, string fileName)
    {
        try
        {
            TrainerState state = JsonSerializer.Deserialize(json, TrainerStateJson.Default.TrainerState)
                ?? throw new UserInputException($"{fileName}: is empty.");
            return state.IsPossible()
                ? state
                : throw new UserInputException(
                    $"{fileName}: holds values that no run has (step {state.Step}, last_eval_step {state.LastEvalStep}).");
        }
        catch (JsonException e)
        {
            throw new UserInputException($"{fileName}: is not a trainer state of this version ({e.Message}).", e);
        }
    }

    private bool IsPossible() =>
        Step >= 0 && NumTokens >= 0 && ElapsedSeconds >= 0 && double.IsFinite(ElapsedSeconds) && LastEvalStep >= -1 && LastEvalStep <= Step
        && Best is null or { BestStep: >= 0, EvaluationsSinceBest: >= 0 } && Window?.IsPossible() != false;
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(TrainerState))]
internal sealed partial class TrainerStateJson : JsonSerializerContext;
