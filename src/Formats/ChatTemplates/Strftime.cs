using System.Globalization;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>strftime_now(format): the C library's directives in the C locale, glibc's <c>-</c> (no padding) included.</summary>
internal static class Strftime
{
    public static string Format(RenderState state, string format)
    {
        DateTime time = state.Now;
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 >= format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            i++;
            bool unpadded = format[i] == '-' && i + 1 < format.Length;
            i += unpadded ? 1 : 0;

            // The C library passes on what it does not know.
            string text = Directive(time, format[i]) ?? (unpadded ? "%-" : "%") + format[i];
            result.Append(unpadded && text.Length > 0 && char.IsAsciiDigit(text[^1]) ? text.TrimStart('0', ' ').PadLeft(1, '0') : text);
        }

        state.Make(result.Length);
        return result.ToString();
    }

    private static string? Directive(DateTime time, char directive) => directive switch
    {
        'Y' => Number(time.Year, 1),
        'C' => Number(time.Year / 100, 2),
        'y' => Number(time.Year % 100, 2),
        'G' => Number(ISOWeek.GetYear(time), 1),
        'g' => Number(ISOWeek.GetYear(time) % 100, 2),
        'm' => Number(time.Month, 2),
        'd' => Number(time.Day, 2),
        'e' => Number(time.Day, 1).PadLeft(2),
        'H' => Number(time.Hour, 2),
        'I' => Number(Hour12(time), 2),
        'k' => Number(time.Hour, 1).PadLeft(2),
        'l' => Number(Hour12(time), 1).PadLeft(2),
        'M' => Number(time.Minute, 2),
        'S' => Number(time.Second, 2),
        'f' => Number((int)(time.Ticks % TimeSpan.TicksPerSecond / 10), 6),
        'j' => Number(time.DayOfYear, 3),
        'w' => Number((int)time.DayOfWeek, 1),
        'u' => Number(time.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)time.DayOfWeek, 1),
        'U' => Number((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7, 2),
        'W' => Number((time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7, 2),
        'V' => Number(ISOWeek.GetWeekOfYear(time), 2),
        's' => new DateTimeOffset(time).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        'p' => time.Hour < 12 ? "AM" : "PM",
        'P' => time.Hour < 12 ? "am" : "pm",
        'a' => Named(time, "ddd"),
        'A' => Named(time, "dddd"),
        'b' or 'h' => Named(time, "MMM"),
        'B' => Named(time, "MMMM"),
        'c' => $"{Named(time, "ddd MMM")} {Number(time.Day, 1).PadLeft(2)} {Named(time, "HH:mm:ss yyyy")}",
        'D' or 'x' => Named(time, "MM/dd/yy"),
        'F' => Named(time, "yyyy-MM-dd"),
        'R' => Named(time, "HH:mm"),
        'T' or 'X' => Named(time, "HH:mm:ss"),
        'r' => Named(time, "hh:mm:ss tt"),
        'z' or 'Z' => "",
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        _ => null,
    };

    private static int Hour12(DateTime time) => (time.Hour + 11) % 12 + 1;

    private static string Number(int value, int width) => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, '0');

    private static string Named(DateTime time, string format) => time.ToString(format, CultureInfo.InvariantCulture);
}
