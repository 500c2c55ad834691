using Rm.Training.Batching;
using Rm.Training.Loop;

namespace Rm.Host.Trl;

/// <summary>When transformers' trainer logs, evaluates and saves.</summary>
/// <param name="settings">Strategies.</param>
/// <param name="plan">Where epochs end.</param>
/// <param name="steps">Steps of the run.</param>
internal sealed class TrlCalendar(TrlSettings settings, EpochBatchPlan plan, int steps) : IRunCalendar
{
    /// <inheritdoc/>
    public bool LogsAt(int step) => (step == 1 && settings.LogsFirstStep) || settings.Logging.Strategy switch
    {
        TrlStrategy.Steps => IsMultiple(step, settings.Logging),
        TrlStrategy.Epoch => EndsEpoch(step),
        _ => false,
    };

    /// <summary>
    /// Whether a step's line comes after its evaluation: what happens by steps happens when a step ends, what happens by epochs after that.
    /// </summary>
    public bool LogsAfterEvaluating(int step) =>
        LogsAt(step) && settings is { Logging.Strategy: TrlStrategy.Epoch, Evaluation.Strategy: TrlStrategy.Steps } && EvaluatesAt(step)
        && !(step == 1 && settings.LogsFirstStep);

    /// <inheritdoc/>
    public bool EvaluatesAt(int step) => step == 0 ? settings.EvalOnStart : settings.Evaluation.Strategy switch
    {
        TrlStrategy.Steps => settings.EvalDelay <= step && (IsMultiple(step, settings.Evaluation) || step == steps),
        TrlStrategy.Epoch => settings.EvalDelay <= plan.EpochAt(step) && EndsEpoch(step),
        _ => false,
    };

    /// <inheritdoc/>
    public bool SavesAt(int step, bool improved) => step > 0 && settings.Saving.Strategy switch
    {
        TrlStrategy.Steps => IsMultiple(step, settings.Saving) || step == steps,
        TrlStrategy.Epoch => EndsEpoch(step),
        TrlStrategy.Best => improved,
        _ => false,
    };

    // The last step ends an epoch wherever in it the run stops.
    private bool EndsEpoch(int step) => step == steps || step % plan.StepsPerEpoch == 0;

    private bool IsMultiple(int step, TrlInterval interval) => interval.Of(steps) is > 0 and var every && step % every == 0;
}
