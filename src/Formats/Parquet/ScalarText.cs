using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Rm.Formats.Parquet;

/// <summary>Formats values that are not text as UTF-8.</summary>
internal static class ScalarText
{
    /// <summary>Longest result: a decimal of 64 bytes with 128 digits after the point, with room.</summary>
    public const int MaxBytes = 512;

    /// <summary>Longest stored decimal in bytes, above what any decimal type holds; conversion to text is quadratic.</summary>
    public const int MaxDecimalBytes = 64;

    private const long SecondsOfDay = 86_400;
    private const long NanosecondsOfDay = SecondsOfDay * 1_000_000_000;
    private const int JulianDayOfEpoch = 2_440_588;
    private const int NanosecondDigits = 9;

    // The Gregorian calendar repeats after 400 years, which brings any day into the range of DateOnly.
    private const long DaysOfCycle = 146_097;
    private static readonly DateOnly Epoch = new(1970, 1, 1);

    /// <summary>
    /// Writes a value into <paramref name="output"/> and returns its length; <paramref name="isNumber"/> tells a JSON number or true/false
    /// from what goes into quotes.
    /// </summary>
    public static int Format(LeafColumn column, in ColumnValue value, Span<byte> output, out bool isNumber)
    {
        Annotation annotation = column.Annotation;
        isNumber = true;
        int length = 0;
        switch (annotation.Kind)
        {
            case ValueKind.Unsigned:
                ulong unsigned = column.Type == PhysicalType.Int32 ? (uint)value.Bits : (ulong)value.Bits;
                unsigned.TryFormat(output, out length, default, CultureInfo.InvariantCulture);
                return length;
            case ValueKind.Decimal:
                return Decimal(column.Type is PhysicalType.Int32 or PhysicalType.Int64
                    ? value.Bits : new BigInteger(value.Bytes, isBigEndian: true), annotation.Scale, output);
            case ValueKind.Float16:
                return Real((float)BinaryPrimitives.ReadHalfLittleEndian(value.Bytes), output, out isNumber);
            case ValueKind.Date:
                isNumber = false;
                return Date(value.Bits, output);
            case ValueKind.Time:
                isNumber = false;
                return Time(value.Bits, annotation.Scale, output);
            case ValueKind.Timestamp or ValueKind.TimestampUtc:
                isNumber = false;
                long day = SecondsOfDay * PowerOfTen(annotation.Scale);
                (long days, long rest) = FloorDivide(value.Bits, day);
                length = Timestamp(days, rest, annotation.Scale, output);
                if (annotation.Kind == ValueKind.TimestampUtc)
                {
                    output[length++] = (byte)'Z';
                }

                return length;
            case ValueKind.Uuid:
                isNumber = false;
                new Guid(value.Bytes, bigEndian: true).TryFormat(output, out length);
                return length;
            default:
                return Physical(column.Type, value, output, out isNumber);
        }
    }

    private static int Physical(PhysicalType type, in ColumnValue value, Span<byte> output, out bool isNumber)
    {
        isNumber = true;
        switch (type)
        {
            case PhysicalType.Boolean:
                ReadOnlySpan<byte> word = value.Bits != 0 ? "true"u8 : "false"u8;
                word.CopyTo(output);
                return word.Length;
            case PhysicalType.Float:
                return Real(BitConverter.Int32BitsToSingle((int)value.Bits), output, out isNumber);
            case PhysicalType.Double:
                return Real(BitConverter.Int64BitsToDouble(value.Bits), output, out isNumber);
            case PhysicalType.Int96:
                // Nanoseconds of a day, then the Julian day number; the day may carry over in files of careless writers.
                isNumber = false;
                (long carry, long rest) = FloorDivide(BinaryPrimitives.ReadInt64LittleEndian(value.Bytes), NanosecondsOfDay);
                long days = BinaryPrimitives.ReadInt32LittleEndian(value.Bytes[8..]) - (long)JulianDayOfEpoch + carry;
                return Timestamp(days, rest, NanosecondDigits, output);
            default:
                value.Bits.TryFormat(output, out int length, default, CultureInfo.InvariantCulture);
                return length;
        }
    }

    // Shortest digits that name the number in its own precision.
    private static int Real<T>(T number, Span<byte> output, out bool isNumber)
        where T : struct, IBinaryFloatingPointIeee754<T>
    {
        isNumber = T.IsFinite(number);
        if (!isNumber)
        {
            ReadOnlySpan<byte> name = T.IsNaN(number) ? "NaN"u8 : T.IsNegative(number) ? "-Infinity"u8 : "Infinity"u8;
            name.CopyTo(output);
            return name.Length;
        }

        number.TryFormat(output, out int length, default, CultureInfo.InvariantCulture);
        return length;
    }

    private static int Decimal(BigInteger unscaled, int scale, Span<byte> output)
    {
        Span<char> digits = stackalloc char[MaxBytes / 2];
        BigInteger.Abs(unscaled).TryFormat(digits, out int count, default, CultureInfo.InvariantCulture);
        int length = 0;
        if (unscaled.Sign < 0)
        {
            output[length++] = (byte)'-';
        }
        // Zeros in front, so that one digit stands before the point.
        for (int place = Math.Max(count, scale + 1) - 1; place >= 0; place--)
        {
            output[length++] = place < count ? (byte)digits[count - 1 - place] : (byte)'0';
            if (place == scale && scale > 0)
            {
                output[length++] = (byte)'.';
            }
        }

        return length;
    }

    private static int Date(long days, Span<byte> output)
    {
        (long cycles, long rest) = FloorDivide(days, DaysOfCycle);
        DateOnly date = Epoch.AddDays((int)rest);
        long year = date.Year + (400 * cycles);
        int length = 0;
        if (year is < 0 or > 9999)
        {
            // ISO 8601 wants a sign outside four digits.
            output[length++] = year < 0 ? (byte)'-' : (byte)'+';
        }

        length += Digits(Math.Abs(year), 4, output[length..]);
        output[length++] = (byte)'-';
        length += Digits(date.Month, 2, output[length..]);
        output[length++] = (byte)'-';
        return length + Digits(date.Day, 2, output[length..]);
    }

    private static int Timestamp(long days, long rest, int digits, Span<byte> output)
    {
        int length = Date(days, output);
        output[length++] = (byte)'T';
        return length + Time(rest, digits, output[length..]);
    }

    private static int Time(long units, int digits, Span<byte> output)
    {
        int length = 0;
        if (units < 0)
        {
            output[length++] = (byte)'-';
        }

        (Int128 seconds, Int128 fraction) = Int128.DivRem(Int128.Abs(units), PowerOfTen(digits));
        length += Digits((long)(seconds / 3600), 2, output[length..]);
        output[length++] = (byte)':';
        length += Digits((long)(seconds / 60 % 60), 2, output[length..]);
        output[length++] = (byte)':';
        length += Digits((long)(seconds % 60), 2, output[length..]);
        if (fraction != 0)
        {
            output[length++] = (byte)'.';
            length += Digits((long)fraction, digits, output[length..]);
        }

        return length;
    }

    private static int Digits(long number, int atLeast, Span<byte> output)
    {
        Span<char> format = ['D', (char)('0' + atLeast)];
        number.TryFormat(output, out int length, format, CultureInfo.InvariantCulture);
        return length;
    }

    private static long PowerOfTen(int digits) => digits switch
    {
        3 => 1_000,
        6 => 1_000_000,
        _ => 1_000_000_000,
    };

    private static (long Quotient, long Remainder) FloorDivide(long number, long by)
    {
        (long quotient, long rest) = Math.DivRem(number, by);
        return rest < 0 ? (quotient - 1, rest + by) : (quotient, rest);
    }
}
