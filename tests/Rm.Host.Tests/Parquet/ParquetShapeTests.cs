using Rm.Formats;

namespace Rm.Host.Tests.Parquet;

/// <summary>
/// Shapes of lists and maps that older writers made (LogicalTypes.md of the Parquet format, "backward-compatibility rules"), and claims of
/// files that only an attacker makes.
/// </summary>
public class ParquetShapeTests
{
    private const int Required = 0, Optional = 1, Repeated = 2;
    private const int Map = 1, List = 3;
    private const int Int32 = 1, Bytes = 6;

    // Two rows: [7, 8] and [9]. Repetition 0 1 0 and definition 1 1 1 (bit-packed and run), then the values.
    private static readonly byte[] TwoLists =
        [.. HandmadeFile.Levels(3, 0b010), .. HandmadeFile.Levels(3 << 1, 1), 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0];

    [Fact]
    public void ARepeatedFieldByItselfIsAList() => AssertRows(["[7,8]", "[9]"], new HandmadeFile { Rows = 2 }
        .Group("root", Required, 1).Leaf("c", Repeated, Int32, 3, TwoLists));

    [Fact]
    public void AListOfARepeatedLeafHasThatLeafAsElement() => AssertRows(["[7,8]", "[9]"], new HandmadeFile { Rows = 2 }
        .Group("root", Required, 1).Group("c", Required, 1, List).Leaf("element", Repeated, Int32, 3, TwoLists));

    [Theory]
    [InlineData("array")]
    [InlineData("c_tuple")]
    public void AListOfAGroupWithATellingNameHasThatGroupAsElement(string name) =>
        AssertRows(["[{\"v\":7},{\"v\":8}]", "[{\"v\":9}]"], new HandmadeFile { Rows = 2 }
            .Group("root", Required, 1).Group("c", Required, 1, List).Group(name, Repeated, 1).Leaf("v", Required, Int32, 3, TwoLists));

    [Theory]
    [InlineData("list")]
    [InlineData("bag")]
    public void AListOfAnyOtherGroupHasItsFieldAsElement(string name) => AssertRows(["[7,8]", "[9]"], new HandmadeFile { Rows = 2 }
        .Group("root", Required, 1).Group("c", Required, 1, List).Group(name, Repeated, 1).Leaf("v", Required, Int32, 3, TwoLists));

    [Fact]
    public void AListOfAGroupOfTwoFieldsHasThatGroupAsElement() => AssertRows(
        ["[{\"v\":7,\"w\":7},{\"v\":8,\"w\":8}]", "[{\"v\":9,\"w\":9}]"], new HandmadeFile { Rows = 2 }
            .Group("root", Required, 1).Group("c", Required, 1, List).Group("list", Repeated, 2)
            .Leaf("v", Required, Int32, 3, TwoLists).Leaf("w", Required, Int32, 3, TwoLists));

    [Fact]
    public void AMapOfNumbersIsAnObject() => AssertRows(["{\"7\":7,\"8\":8}", "{\"9\":9}"], new HandmadeFile { Rows = 2 }
        .Group("root", Required, 1).Group("c", Required, 1, Map).Group("map", Repeated, 2)
        .Leaf("key", Required, Int32, 3, TwoLists).Leaf("value", Required, Int32, 3, TwoLists));

    [Fact]
    public void ColumnsOfAListMustHaveItsLengths()
    {
        // [9] and [7, 8] where the other column has [7, 8] and [9].
        byte[] other = [.. HandmadeFile.Levels(3, 0b100), .. TwoLists[6..]];
        HandmadeFile file = new HandmadeFile { Rows = 2 }
            .Group("root", Required, 1).Group("c", Required, 1, List).Group("list", Repeated, 2)
            .Leaf("v", Required, Int32, 3, TwoLists).Leaf("w", Required, Int32, 3, other);

        Assert.Contains("column 'c.list.w'", Error(file), StringComparison.Ordinal);
        Assert.Contains("lengths", Error(file), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "fewer values")]
    [InlineData(3, "more values")]
    public void ColumnsMustHaveAValueForEveryRow(int entries, string expected) => Assert.Contains(expected, Error(
        new HandmadeFile { Rows = 2 }.Group("root", Required, 1).Leaf("c", Required, Int32, entries, TwoLists)), StringComparison.Ordinal);

    [Fact]
    public void ARowOfABillionNullsInAFewBytesIsRefused()
    {
        // One run of repetition level 0, one of a billion levels 1, all with the definition level of a null element.
        byte[] billion = [0x80, 0xA8, 0xD6, 0xB9, 7];
        byte[] page = [.. HandmadeFile.Levels([2, 0, .. billion, 1]), .. HandmadeFile.Levels([.. billion, 1])];
        HandmadeFile file = new HandmadeFile()
            .Group("root", Required, 1).Group("c", Required, 1, List).Group("list", Repeated, 1)
            .Leaf("v", Optional, Int32, 1_000_000_000, page);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Contains("longer than 64 MiB", Error(file), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512 << 20);
    }

    [Fact]
    public void SchemasThatMakeNoSenseAreRefused()
    {
        byte[] page = [7, 0, 0, 0];
        HandmadeFile deep = new HandmadeFile().Group("root", Required, 1);
        for (int i = 0; i < 40; i++)
        {
            deep.Group("g", Required, 1);
        }

        Assert.Contains("nested deeper", Error(deep.Leaf("c", Required, Int32, 1, page)), StringComparison.Ordinal);
        Assert.Contains("'c' twice", Error(new HandmadeFile().Group("root", Required, 2)
            .Leaf("c", Required, Int32, 1, page).Leaf("c", Required, Int32, 1, page)), StringComparison.Ordinal);
        Assert.Contains("ends early", Error(new HandmadeFile().Group("root", Required, 2)
            .Leaf("c", Required, Int32, 1, page)), StringComparison.Ordinal);
        Assert.Contains("of which 2", Error(new HandmadeFile().Group("root", Required, 1)
            .Leaf("c", Required, Int32, 1, page).Leaf("d", Required, Int32, 1, page)), StringComparison.Ordinal);
        Assert.Contains("no columns", Error(new HandmadeFile().Group("root", Required, 0)), StringComparison.Ordinal);
        Assert.Contains("type or children", Error(new HandmadeFile().Group("root", Required, 1)
            .Group("c", Required, 0)), StringComparison.Ordinal);
        Assert.Contains("stored as Int32 where", Error(new HandmadeFile().Group("root", Required, 1)
            .Leaf("c", Required, Bytes, 1, page)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, "in another file")]
    [InlineData(8, "encrypted")]
    public void ColumnsThatAreElsewhereOrEncryptedAreNamed(int special, string expected)
    {
        HandmadeFile file = new HandmadeFile { Special = special }.Group("root", Required, 1).Leaf("c", Required, Int32, 1, [7, 0, 0, 0]);

        Assert.Contains("column 'c', row group 0: ", Error(file), StringComparison.Ordinal);
        Assert.Contains(expected, Error(file), StringComparison.Ordinal);
    }

    private static void AssertRows(string[] expected, HandmadeFile file) =>
        Assert.Equal(expected, ParquetFiles.Read(file.Build()).Select(row => row.Columns["c"].GetRawText()));

    private static string Error(HandmadeFile file) => Assert.Throws<UserInputException>(() => ParquetFiles.Read(file.Build())).Message;
}
