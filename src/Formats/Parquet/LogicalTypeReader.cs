namespace Rm.Formats.Parquet;

/// <summary>Decodes what values mean: the logical type, or the converted type that older writers give instead.</summary>
internal static class LogicalTypeReader
{
    /// <summary>The union LogicalType; null for a member that this reader does not know, so that the converted type decides.</summary>
    public static Annotation? Read(ref ThriftReader thrift)
    {
        Annotation? annotation = null;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            thrift.Expect(type, ThriftType.Struct, "member of a logical type");
            annotation = id switch
            {
                5 => ReadDecimal(ref thrift),
                7 or 8 => ReadTime(ref thrift, id == 8),
                10 => ReadInteger(ref thrift),
                _ => ReadPlain(ref thrift, id),
            };
        }

        return annotation;
    }

    /// <summary>The enumeration ConvertedType; -1 is none.</summary>
    public static Annotation FromConverted(int code, int scale) => code switch
    {
        0 or 4 => new Annotation(ValueKind.Text), // UTF8, ENUM
        19 => new Annotation(ValueKind.Json),
        1 or 2 => new Annotation(ValueKind.Physical, IsMap: true), // MAP, MAP_KEY_VALUE
        3 => new Annotation(ValueKind.Physical, IsList: true),
        5 => new Annotation(ValueKind.Decimal, Scale: scale),
        6 => new Annotation(ValueKind.Date),
        7 => new Annotation(ValueKind.Time, Scale: 3),
        8 => new Annotation(ValueKind.Time, Scale: 6),
        9 => new Annotation(ValueKind.TimestampUtc, Scale: 3),
        10 => new Annotation(ValueKind.TimestampUtc, Scale: 6),
        >= 11 and <= 14 => new Annotation(ValueKind.Unsigned),
        20 or 21 => new Annotation(ValueKind.Bytes), // BSON, INTERVAL
        _ => new Annotation(ValueKind.Physical),
    };

    private static Annotation? ReadPlain(ref ThriftReader thrift, int id)
    {
        thrift.Skip(ThriftType.Struct);
        return id switch
        {
            1 or 4 => new Annotation(ValueKind.Text), // STRING, ENUM
            12 => new Annotation(ValueKind.Json),
            2 => new Annotation(ValueKind.Physical, IsMap: true),
            3 => new Annotation(ValueKind.Physical, IsList: true),
            6 => new Annotation(ValueKind.Date),
            13 => new Annotation(ValueKind.Bytes), // BSON
            14 => new Annotation(ValueKind.Uuid),
            15 => new Annotation(ValueKind.Float16),
            _ => null,
        };
    }

    private static Annotation ReadDecimal(ref ThriftReader thrift)
    {
        int scale = 0;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            if (id == 1)
            {
                thrift.Expect(type, ThriftType.Int32, "scale");
                scale = thrift.ReadInt32();
            }
            else
            {
                thrift.Skip(type);
            }
        }

        return new Annotation(ValueKind.Decimal, Scale: scale);
    }

    private static Annotation ReadTime(ref ThriftReader thrift, bool isTimestamp)
    {
        bool utc = false;
        int digits = 6;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    thrift.Expect(type, ThriftType.True, "time zone flag");
                    utc = ThriftReader.ReadBoolean(type);
                    break;
                case 2:
                    thrift.Expect(type, ThriftType.Struct, "time unit");
                    digits = ReadUnit(ref thrift);
                    break;
                default:
                    thrift.Skip(type);
                    break;
            }
        }

        return new Annotation(isTimestamp ? (utc ? ValueKind.TimestampUtc : ValueKind.Timestamp) : ValueKind.Time, Scale: digits);
    }

    // The union TimeUnit: its members 1, 2 and 3 are empty structures for milli-, micro- and nanoseconds.
    private static int ReadUnit(ref ThriftReader thrift)
    {
        int digits = 6;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            digits = id is >= 1 and <= 3 ? 3 * id : digits;
            thrift.Skip(type);
        }

        return digits;
    }

    private static Annotation ReadInteger(ref ThriftReader thrift)
    {
        bool signed = true;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            if (id == 2)
            {
                thrift.Expect(type, ThriftType.True, "sign of a whole number");
                signed = ThriftReader.ReadBoolean(type);
            }
            else
            {
                thrift.Skip(type);
            }
        }

        return new Annotation(signed ? ValueKind.Physical : ValueKind.Unsigned);
    }
}
