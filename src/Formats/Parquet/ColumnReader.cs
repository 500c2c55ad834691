namespace Rm.Formats.Parquet;

/// <summary>
/// Walks one column chunk entry by entry. An entry has a repetition level (where a new list element or row begins), a definition level (how
/// much of its path is there), and a value when the definition level is the highest. Pages are read when their first entry is looked at.
/// </summary>
internal sealed class ColumnReader : IDisposable
{
    private readonly PageReader _pages;
    private DataPage? _page;
    private long _leftInChunk;
    private int _leftInPage;
    private bool _isLoaded;
    private int _repetition;
    private int _definition;

    public ColumnReader(ParquetInput input, LeafColumn column, ColumnChunk chunk, int rowGroup, string file)
    {
        Column = column;
        Place = new ParquetPlace(file, column.Path, rowGroup);
        _pages = new PageReader(input, column, chunk, Place);
        _leftInChunk = chunk.EntryCount;
    }

    /// <summary>The column.</summary>
    public LeafColumn Column { get; }

    /// <summary>For errors.</summary>
    public ParquetPlace Place { get; }

    /// <summary>True when every entry has been taken.</summary>
    public bool IsAtEnd => _leftInChunk == 0;

    /// <summary>
    /// Repetition level of the entry at hand; 0 at the end, where a next row would begin. Free of reading for a column outside lists.
    /// </summary>
    public int Repetition
    {
        get
        {
            if (Column.MaxRepetition == 0 || IsAtEnd)
            {
                return 0;
            }

            Load();
            return _repetition;
        }
    }

    /// <summary>Definition level of the entry at hand.</summary>
    public int Definition
    {
        get
        {
            Load();
            return _definition;
        }
    }

    /// <summary>Takes an entry that has no value.</summary>
    public void SkipEntry()
    {
        Load();
        _isLoaded = false;
        _leftInChunk--;
        _leftInPage--;
    }

    /// <summary>
    /// Takes an entry that must have a value, as nothing above it is null; its bytes stay valid until the next entry is looked at.
    /// </summary>
    public void Read(ref ColumnValue value)
    {
        if (Definition != Column.MaxDefinition)
        {
            throw Place.Damaged("A value is missing where the schema or the columns beside it require one.");
        }

        SkipEntry();
        _page!.Values.Read(ref value);
    }

    /// <summary>Takes what is left of a row, values and all.</summary>
    public void SkipRow()
    {
        ColumnValue value = default;
        do
        {
            if (Definition == Column.MaxDefinition)
            {
                Read(ref value);
            }
            else
            {
                SkipEntry();
            }
        }
        while (Repetition > 0);
    }

    public void Dispose() => _pages.Dispose();

    private void Load()
    {
        if (_isLoaded)
        {
            return;
        }

        if (_leftInChunk == 0)
        {
            throw Place.Damaged("It has fewer values than its row group has rows.");
        }

        while (_leftInPage == 0)
        {
            _page = _pages.Next();
            _leftInPage = _page.EntryCount;
        }

        _repetition = _page!.Repetition?.Next() ?? 0;
        _definition = _page.Definition?.Next() ?? Column.MaxDefinition;
        _isLoaded = true;
    }
}
