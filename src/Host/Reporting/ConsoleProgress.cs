using System.Globalization;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Spectre.Console;

namespace Rm.Host.Reporting;

/// <summary>
/// Progress of a run on stderr: a live line with rate and remaining time on a terminal, one plain line now and then anywhere else.
/// </summary>
internal sealed class ConsoleProgress : ITrainingProgress, IDisposable
{
    // Plain output goes into log files: a line this often is enough to see that a run lives.
    private const double PlainSeconds = 10;

    private readonly IAnsiConsole _console;
    private readonly bool _isTerminal;
    private readonly int _steps;
    private readonly int _firstStep;
    private readonly DateTime _start = DateTime.UtcNow;
    private DateTime _lastLine = DateTime.MinValue;
    private double _seconds;
    private long _tokens;
    private int _lineLength;

    public ConsoleProgress(int steps, int firstStep)
    {
        _steps = steps;
        _firstStep = firstStep;
        _isTerminal = !Console.IsErrorRedirected;
        _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
    }

    /// <inheritdoc/>
    public void Step(int step, int steps, StepResult result, double seconds)
    {
        _seconds += seconds;
        _tokens += result.Tokens;
        bool last = step == steps;
        if (!_isTerminal && !last && (DateTime.UtcNow - _lastLine).TotalSeconds < PlainSeconds)
        {
            return;
        }

        _lastLine = DateTime.UtcNow;
        double perStep = (DateTime.UtcNow - _start).TotalSeconds / Math.Max(1, step - _firstStep);
        var left = TimeSpan.FromSeconds(perStep * (steps - step));
        Show(string.Create(
            CultureInfo.InvariantCulture,
            $"step {step}/{steps}  loss {result.Loss:F4}  accuracy {result.Rewards.Accuracy:P1}  lr {result.LearningRate:E2}  "
                + $"{_tokens / Math.Max(1e-9, _seconds):F0} tokens/s  {Remaining(left)} left"));
    }

    /// <inheritdoc/>
    public void Evaluating(int done, int total)
    {
        if (_isTerminal)
        {
            Show($"evaluating {done}/{total}");
        }
    }

    /// <inheritdoc/>
    public void Evaluated(int step, EvaluationResult result, bool isBest) => Message(string.Create(
        CultureInfo.InvariantCulture,
        $"eval at step {step}: accuracy {result.Accuracy:P1} (95% {result.AccuracyLow:P1} to {result.AccuracyHigh:P1}, {result.Pairs} "
            + $"pairs)  loss {result.Loss:F4}  margin {result.Margin:F3}{(isBest ? "  best so far" : "")}"));

    /// <inheritdoc/>
    public void Message(string text)
    {
        EndLine();
        if (_isTerminal)
        {
            _console.WriteLine(text);
            return;
        }

        // Lines of a log file are not wrapped at the width of a terminal that is not there.
        Console.Error.WriteLine(text);
    }

    /// <inheritdoc/>
    public void Dispose() => EndLine();

    private static string Remaining(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";

    private void Show(string text)
    {
        if (!_isTerminal)
        {
            Console.Error.WriteLine(text);
            return;
        }

        Console.Error.Write("\r" + text.PadRight(_lineLength));
        _lineLength = text.Length;
    }

    private void EndLine()
    {
        if (_lineLength > 0)
        {
            Console.Error.WriteLine();
            _lineLength = 0;
        }
    }
}
