using Rm.Host.Reporting.Html;

namespace Rm.Host.Tests.Reporting;

public sealed class ThinnedTableTests
{
    [Fact]
    public void A_short_table_is_kept_as_it_is()
    {
        var table = new ThinnedTable("step", mostRows: 8);
        for (int i = 1; i <= 7; i++)
        {
            Add(table, i, ("loss", i * i));
        }

        Assert.False(table.IsThinned);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], table.Column("step")!);
        Assert.Equal([1, 4, 9, 16, 25, 36, 49], table.Column("loss")!);
        Assert.Null(table.Column("accuracy"));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(1000)]
    [InlineData(12_345)]
    public void However_many_rows_come_few_are_kept_in_order_and_no_spike_is_lost(int rows)
    {
        const int Most = 8;
        var table = new ThinnedTable("step", Most);
        for (int i = 0; i < rows; i++)
        {
            // Spikes up and down at places that no stride hits.
            Add(table, i, ("loss", i == rows / 3 ? 100 : i == rows * 2 / 3 ? -100 : 0.5));
        }

        double[] steps = table.Column("step")!, loss = table.Column("loss")!;
        Assert.True(table.IsThinned);
        Assert.Equal(rows, table.Added);
        Assert.Equal(steps.Length, loss.Length);
        Assert.InRange(steps.Length, Most / 2, Most + 2);
        Assert.Equal(steps.Order().Distinct(), steps);
        Assert.Equal((0, rows - 1), (steps[0], steps[^1]));
        Assert.Equal((100, -100), (loss.Max(), loss.Min()));
        Assert.True(Array.IndexOf(loss, 100) < Array.IndexOf(loss, -100), "the spikes changed places");
    }

    [Fact]
    public void Folded_rows_hold_the_extremes_in_the_order_in_which_they_came()
    {
        var table = new ThinnedTable("step", mostRows: 4);
        foreach ((int step, double value) in new[] { (1, 5.0), (2, 9.0), (3, 1.0), (4, 6.0) })
        {
            Add(table, step, ("loss", value));
        }

        Assert.Equal([1, 4], table.Column("step")!);
        Assert.Equal([9, 1], table.Column("loss")!);
    }

    [Fact]
    public void A_column_that_comes_late_is_empty_before()
    {
        var table = new ThinnedTable("step", mostRows: 100);
        Add(table, 1, ("loss", 1));
        Add(table, 2, ("loss", 2), ("gpu_memory_gib", 7));
        Add(table, 3);
        Assert.Equal([double.NaN, 7, double.NaN], table.Column("gpu_memory_gib")!);
        Assert.Equal([1, 2, double.NaN], table.Column("loss")!);
        Assert.Equal(7, table.Last("gpu_memory_gib"));
    }

    [Fact]
    public void Columns_are_bounded()
    {
        var table = new ThinnedTable("step", mostRows: 8);
        for (int i = 0; i < 1000; i++)
        {
            Add(table, i, ($"column {i}", i));
        }

        Assert.InRange(table.Names.Count, 2, 64);
    }

    private static void Add(ThinnedTable table, double step, params (string Name, double Value)[] values) =>
        table.Add(step, values.Select(v => KeyValuePair.Create(v.Name, v.Value)));
}
