namespace Rm.Host.Reporting.Html;

/// <summary>
/// Columns of numbers over rows, of bounded size however many rows are added. When there are too many, neighbouring rows are folded into
/// two that hold each column's smallest and largest value in the order in which they came, so that no spike is lost. The first column is
/// the position of the row; its folded rows hold the first and the last.
/// </summary>
/// <param name="position">Name of the first column.</param>
/// <param name="mostRows">Most rows kept, a multiple of four.</param>
internal sealed class ThinnedTable(string position, int mostRows = 2000)
{
    // A log has about twenty columns; a file that is no such log must not take memory without bound.
    private const int MostColumns = 64;

    private readonly List<string> _names = [position];
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal) { [position] = 0 };
    private readonly List<double[]> _rows = [];
    private readonly List<double[]> _bucket = [];
    private int _stride = 1; // rows added that become two rows kept; 1: nothing was folded yet

    /// <summary>Names of the columns, in the order in which they were first seen.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Rows added.</summary>
    public long Added { get; private set; }

    /// <summary>Whether rows were folded.</summary>
    public bool IsThinned => _stride > 1;

    /// <summary>Adds a row. NaN stands for a value that is not there.</summary>
    public void Add(double at, IEnumerable<KeyValuePair<string, double>> values)
    {
        double[] row = NewRow();
        row[0] = at;
        foreach ((string name, double value) in values)
        {
            int column = ColumnOf(name);
            if (column > 0)
            {
                if (column >= row.Length)
                {
                    row = Widened(row);
                }

                row[column] = value;
            }
        }

        Added++;
        _bucket.Add(row);
        if (_bucket.Count == _stride)
        {
            Empty();
        }
    }

    /// <summary>The values of a column, NaN where a row has none; null when there is no such column.</summary>
    public double[]? Column(string name)
    {
        if (!_index.TryGetValue(name, out int column))
        {
            return null;
        }

        IEnumerable<double[]> rest = _bucket.Count > 2 ? Fold(_bucket) : _bucket;
        return [.. _rows.Concat(rest).Select(row => column < row.Length ? row[column] : double.NaN)];
    }

    /// <summary>The last value of a column that is there, or null.</summary>
    public double? Last(string name) =>
        Column(name)?.LastOrDefault(double.IsFinite, double.NaN) is { } value && double.IsFinite(value) ? value : null;

    private double[] NewRow()
    {
        double[] row = new double[_names.Count];
        Array.Fill(row, double.NaN);
        return row;
    }

    private double[] Widened(double[] row)
    {
        double[] wide = NewRow();
        row.CopyTo(wide, 0);
        return wide;
    }

    private int ColumnOf(string name)
    {
        if (!_index.TryGetValue(name, out int column) && _names.Count < MostColumns)
        {
            column = _names.Count;
            _names.Add(name);
            _index.Add(name, column);
        }

        return column;
    }

    private void Empty()
    {
        _rows.AddRange(_stride == 1 ? _bucket : Fold(_bucket));
        _bucket.Clear();
        if (_rows.Count < mostRows)
        {
            return;
        }

        double[][] folded = [.. _rows.Chunk(4).SelectMany(Fold)];
        _rows.Clear();
        _rows.AddRange(folded);
        _stride = _stride == 1 ? 4 : _stride * 2;
    }

    private double[][] Fold(IReadOnlyList<double[]> rows)
    {
        double[] first = NewRow(), second = NewRow();
        (first[0], second[0]) = (rows[0][0], rows[^1][0]);
        for (int column = 1; column < _names.Count; column++)
        {
            (first[column], second[column]) = Extremes(rows, column);
        }

        return [first, second];
    }

    private static (double First, double Second) Extremes(IReadOnlyList<double[]> rows, int column)
    {
        double low = double.NaN, high = double.NaN;
        bool lowFirst = true;
        foreach (double[] row in rows)
        {
            double value = column < row.Length ? row[column] : double.NaN;
            if (double.IsNaN(value))
            {
                continue;
            }

            if (double.IsNaN(low))
            {
                (low, high) = (value, value);
            }
            else if (value < low)
            {
                (low, lowFirst) = (value, false);
            }
            else if (value > high)
            {
                (high, lowFirst) = (value, true);
            }
        }

        return lowFirst ? (low, high) : (high, low);
    }
}
