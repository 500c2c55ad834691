using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>Where a training run tells what it does. Never part of the computation.</summary>
public interface ITrainingProgress
{
    /// <summary>A step is done.</summary>
    void Step(int step, int steps, StepResult result, double seconds);

    /// <summary>An evaluation has scored <paramref name="done"/> of <paramref name="total"/> pairs.</summary>
    void Evaluating(int done, int total);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(int step, EvaluationResult result, bool isBest);

    /// <summary>Something a user wants to read once.</summary>
    void Message(string text);
}
