namespace Rm.Formats;

/// <summary>Lists of names in messages.</summary>
internal static class Names
{
    private const int Most = 24;

    /// <summary>The names in quotes, at most two dozen, or "nothing".</summary>
    public static string List(IReadOnlyCollection<string> names)
    {
        if (names.Count == 0)
        {
            return "nothing";
        }

        string shown = string.Join(", ", names.Take(Most).Select(name => $"'{Short(name)}'"));
        return names.Count > Most ? $"{shown} and {names.Count - Most} more" : shown;
    }

    private static string Short(string name) => name.Length <= 80 ? name : string.Concat(name.AsSpan(0, 77), "...");
}
