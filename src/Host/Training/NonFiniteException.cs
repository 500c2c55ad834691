using Rm.Host.Data;

namespace Rm.Host.Training;

/// <summary>A loss or gradient that is not a finite number; the parameters are still those before the step.</summary>
public sealed class NonFiniteException : Exception
{
    internal NonFiniteException(string what, int step, IReadOnlyList<PreferencePair> pairs)
        : base($"The {what} of step {step} is not a finite number. Rows: {string.Join(", ", pairs.Select(Name))}.")
    {
        Step = step;
    }

    /// <summary>Number of the step, from 1.</summary>
    public int Step { get; }

    private static string Name(PreferencePair pair) =>
        pair.SourceLine > 0 ? $"{Path.GetFileName(pair.SourceFile)}:{pair.SourceLine}" : $"#{pair.RowIndex}";
}
