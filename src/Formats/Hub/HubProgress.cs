using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Rm.Formats.Hub;

/// <summary>Progress of a download: a live line on a terminal, a plain line now and then anywhere else.</summary>
internal sealed class HubProgress(HubSettings settings, string what, int files, long bytes) : IDisposable
{
    private const double LiveSeconds = 0.2;
    private const double PlainSeconds = 10;

    private readonly ConcurrentDictionary<string, long> _done = new(StringComparer.Ordinal);
    private readonly Lock _writing = new();
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly bool _isTerminal = ReferenceEquals(settings.Log, Console.Error) && !Console.IsErrorRedirected;
    private long _last = Stopwatch.GetTimestamp();
    private long _skipped;
    private long _resumed = -1;
    private int _lineLength;

    /// <summary>Announces the download.</summary>
    public void Begin() => settings.Log.WriteLine($"{what}: fetching {files} {(files == 1 ? "file" : "files")}, {Size(bytes)}.");

    /// <summary>A file has so many bytes now.</summary>
    public void Set(string file, long position)
    {
        _done[file] = position;
        Show();
    }

    /// <summary>A file turned out to be there already.</summary>
    public void Skip(long size) => Interlocked.Add(ref _skipped, size);

    /// <summary>Announces the end.</summary>
    public void End()
    {
        EndLine();
        settings.Log.WriteLine(
            $"{what}: fetched in {Stopwatch.GetElapsedTime(_start).TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s.");
    }

    public void Dispose() => EndLine();

    private static string Size(double bytes)
    {
        string[] units = ["bytes", "kB", "MB", "GB", "TB"];
        int unit = 0;
        for (; bytes >= 1000 && unit < units.Length - 1; unit++)
        {
            bytes /= 1000;
        }

        return $"{bytes.ToString(unit == 0 ? "F0" : "F2", CultureInfo.InvariantCulture)} {units[unit]}";
    }

    private void Show()
    {
        if (!settings.ShowProgress || !_writing.TryEnter())
        {
            return;
        }

        try
        {
            if (Stopwatch.GetElapsedTime(_last).TotalSeconds < (_isTerminal ? LiveSeconds : PlainSeconds))
            {
                return;
            }

            _last = Stopwatch.GetTimestamp();
            long done = _done.Values.Sum() + Interlocked.Read(ref _skipped);
            if (_resumed < 0)
            {
                // The rate counts from the first line on: what earlier attempts left was not fetched now.
                _resumed = done;
            }

            double rate = (done - _resumed) / Math.Max(0.001, Stopwatch.GetElapsedTime(_start).TotalSeconds);
            string text = string.Create(CultureInfo.InvariantCulture,
                $"{what}: {Size(done)} of {Size(bytes)} ({100.0 * done / Math.Max(1, bytes):F0}%), {Size(rate)}/s");
            if (!_isTerminal)
            {
                settings.Log.WriteLine(text);
                return;
            }

            settings.Log.Write("\r" + text.PadRight(_lineLength));
            _lineLength = text.Length;
        }
        finally
        {
            _writing.Exit();
        }
    }

    private void EndLine()
    {
        if (_lineLength > 0)
        {
            settings.Log.WriteLine();
            _lineLength = 0;
        }
    }
}
