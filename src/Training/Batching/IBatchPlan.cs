namespace Rm.Training.Batching;

/// <summary>Which pairs every step of a run takes.</summary>
public interface IBatchPlan
{
    /// <summary>The pairs of a step, counted from 0.</summary>
    TrainingBatch BatchAt(long step);

    /// <summary>Epochs that have gone by before a step.</summary>
    double EpochAt(long step);
}
