using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Rm.Host.Options;

/// <summary>
/// Reads the numbers of options strictly: digits, sign, point and exponent only. The library's own reading takes "1,5" for 15 and names
/// .NET types in its errors.
/// </summary>
internal static class NumberArguments
{
    private delegate bool Reader<T>(string text, out T value);

    /// <summary>Sets the parser of every numeric option of a command and its subcommands.</summary>
    public static void MakeStrict(Command command)
    {
        foreach (Option option in command.Options)
        {
            switch (option)
            {
                case Option<int> o:
                    o.CustomParser = result => Parse<int>(result, Whole, "whole number");
                    break;
                case Option<int?> o:
                    o.CustomParser = result => Parse<int>(result, Whole, "whole number");
                    break;
                case Option<long?> o:
                    o.CustomParser = result => Parse<long>(result, Whole, "whole number");
                    break;
                case Option<ulong> o:
                    o.CustomParser = result => Parse<ulong>(result, Natural, "whole number of 0 or more");
                    break;
                case Option<double> o:
                    o.CustomParser = result => Parse<double>(result, Real, "number such as 0.01 or 5e-5");
                    break;
                case Option<double?> o:
                    o.CustomParser = result => Parse<double>(result, Real, "number such as 0.01 or 5e-5");
                    break;
            }
        }

        foreach (Command subcommand in command.Subcommands)
        {
            MakeStrict(subcommand);
        }
    }

    private static T Parse<T>(ArgumentResult result, Reader<T> read, string kind)
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (!read(text, out T value))
        {
            string name = (result.Parent as OptionResult)?.Option.Name ?? "the argument";
            result.AddError($"{name} '{text}' is not a {kind}");
        }

        return value;
    }

    private static bool Whole(string text, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static bool Whole(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static bool Natural(string text, out ulong value) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static bool Real(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
