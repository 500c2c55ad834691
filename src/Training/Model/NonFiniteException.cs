using Rm.Formats.Rendering;

namespace Rm.Training.Model;

/// <summary>A loss, gradient or reward that is not a finite number. In a training step the parameters are still those before it.</summary>
public sealed class NonFiniteException : Exception
{
    private const int MaxNamed = 16;

    /// <summary>An error with its message.</summary>
    public NonFiniteException(string message) : base(message)
    {
    }

    internal static NonFiniteException InStep(string what, int step, IEnumerable<PreferencePair> pairs) =>
        new($"The {what} of step {step} is not a finite number. Rows: {string.Join(", ", pairs.Select(Name))}.");

    internal static NonFiniteException InEvaluation(IEnumerable<PreferencePair> pairs) =>
        new($"The model gives rewards that are not finite numbers. Rows: {string.Join(", ", pairs.Take(MaxNamed).Select(Name))}.");

    internal static string Name(PreferencePair pair) =>
        pair.SourceLine > 0 ? $"{Path.GetFileName(pair.SourceFile)}:{pair.SourceLine}" : $"#{pair.RowIndex}";
}
