namespace Rm.Host.Options;

/// <summary>Finds the known name nearest to a misspelled one.</summary>
internal static class NameSuggestion
{
    /// <summary>" (did you mean X?)", or nothing when no name is near.</summary>
    public static string DidYouMean(string name, IEnumerable<string> known)
    {
        (string? best, int distance) = (null, int.MaxValue);
        foreach (string candidate in known)
        {
            int d = Distance(name, candidate);
            if (d < distance)
            {
                (best, distance) = (candidate, d);
            }
        }

        return best is not null && distance <= Math.Max(2, name.Length / 3) ? $" (did you mean {best}?)" : "";
    }

    // Levenshtein distance.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substitution = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), substitution);
            }
        }

        return row[b.Length];
    }
}
