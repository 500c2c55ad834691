namespace Rm.Host.Tests.EndToEnd;

/// <summary>Damages bytes as disks, editors and attackers do.</summary>
internal static class Mutations
{
    private static readonly string[] Tokens =
        ["{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "0", "1e999", "99999999999999999999", "\\ud800", "\u0000", "NaN",
            "\"\"", "{}", "[]", "1.5"];

    public static byte[] Of(Random random, byte[] valid)
    {
        List<byte> bytes = [.. valid];
        for (int edits = random.Next(1, 4); edits > 0 && bytes.Count > 0; edits--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 12), bytes.Count - at));
                    break;
                case 2:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)));
                    break;
                default:
                    ReplaceValue(random, bytes, at);
                    break;
            }
        }

        return [.. bytes];
    }

    // Puts a token in place of what stands between two separators, so that many mutations still parse.
    private static void ReplaceValue(Random random, List<byte> bytes, int at)
    {
        int start = bytes.FindIndex(at, b => b == (byte)':');
        if (start < 0)
        {
            return;
        }

        int end = bytes.FindIndex(start, b => b is (byte)',' or (byte)'}' or (byte)'\n');
        end = end < 0 ? bytes.Count : end;
        bytes.RemoveRange(start + 1, end - start - 1);
        bytes.InsertRange(start + 1, System.Text.Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)]));
    }
}
