using System.Diagnostics;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Host.Reporting.Html;
using Rm.Host.Reporting.TensorBoard;
using Rm.Training.Evaluation;
using Rm.Training.Loop;

namespace Rm.Host.Reporting;

/// <summary>
/// Keeps a run's report.html and TensorBoard files while it trains. Only reads what the run has written; a failure is told once and the run
/// goes on.
/// </summary>
/// <param name="console">What the run tells people.</param>
/// <param name="run">The run.</param>
/// <param name="board">TensorBoard's log, or null.</param>
internal sealed class RunReporter(ITrainingProgress console, RunDirectory run, TensorBoardLog? board) : ITrainingProgress
{
    // At most this share of a run's time goes into pages between evaluations, however often it evaluates.
    private const double MostShare = 0.02;

    private readonly Stopwatch _sinceWritten = Stopwatch.StartNew();
    private TimeSpan _cost;
    private bool _hasWarned;

    /// <inheritdoc/>
    public void Step(int step, int steps, StepResult result, double seconds) => console.Step(step, steps, result, seconds);

    /// <inheritdoc/>
    public void Evaluating(int done, int total) => console.Evaluating(done, total);

    /// <inheritdoc/>
    public void Evaluated(int step, EvaluationResult result, bool isBest)
    {
        console.Evaluated(step, result, isBest);
        if (board is not null)
        {
            Try(() => board.Rewards(step, EvalRowFile.Read(run.LastEvalRows)));
        }

        if (_cost <= _sinceWritten.Elapsed * MostShare)
        {
            WritePage();
        }
    }

    /// <inheritdoc/>
    public void Message(string text) => console.Message(text);

    /// <summary>Writes report.html as the run is now.</summary>
    public void WritePage()
    {
        long start = Stopwatch.GetTimestamp();
        Try(() => ReportFiles.WriteRun(run.FolderPath, Path.Combine(run.FolderPath, ReportFiles.FileName)));
        _cost = Stopwatch.GetElapsedTime(start);
        _sinceWritten.Restart();
    }

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is UserInputException or SaveFailedException or IOException or UnauthorizedAccessException)
        {
            if (!_hasWarned)
            {
                _hasWarned = true;
                console.Message($"No report: {e.Message} The run goes on; btrm report makes one later.");
            }
        }
    }
}
