using System.Text;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// Standard output or error of a test that runs a command in this process: what the command writes goes to that test's own text, also from
/// the threads it starts, while tests that run beside it keep theirs.
/// </summary>
internal sealed class RoutedConsole : TextWriter
{
    private readonly AsyncLocal<StringWriter?> _target = new();
    private readonly TextWriter _otherwise;

    private RoutedConsole(TextWriter otherwise) => _otherwise = otherwise;

    public static RoutedConsole Output { get; } = Install(Console.Out, Console.SetOut);

    public static RoutedConsole Error { get; } = Install(Console.Error, Console.SetError);

    public override Encoding Encoding => Encoding.UTF8;

    /// <summary>Begins to collect what this flow of execution writes.</summary>
    public StringWriter Collect() => _target.Value = new StringWriter();

    public override void Write(char value)
    {
        lock (this)
        {
            (_target.Value ?? _otherwise).Write(value);
        }
    }

    public override void Write(string? value)
    {
        lock (this)
        {
            (_target.Value ?? _otherwise).Write(value);
        }
    }

    private static RoutedConsole Install(TextWriter before, Action<TextWriter> set)
    {
        var console = new RoutedConsole(before);
        set(console);
        return console;
    }
}
