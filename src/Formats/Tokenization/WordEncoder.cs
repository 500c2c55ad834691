using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>Encodes the words of one text at a time: what a thread needs besides the immutable model.</summary>
internal sealed class WordEncoder(WordModel model) : IWordSink
{
    private const int KeptBytes = 1 << 16, KeptIds = 1 << 20;
    private readonly WordScratch scratch = new();
    private byte[] utf8 = new byte[1024];

    /// <summary>Ids of the text so far.</summary>
    public List<int> Ids { get; private set; } = [];

    /// <inheritdoc/>
    public void Add(ReadOnlySpan<char> word)
    {
        Reserve(checked(word.Length * 3)); // a UTF-16 unit is at most three bytes
        int length = Encoding.UTF8.GetBytes(word, utf8);
        model.Append(utf8.AsSpan(0, length), scratch, Ids);
    }

    /// <inheritdoc/>
    public void AddSpelled(ReadOnlySpan<char> word)
    {
        Reserve(word.Length);
        ByteAlphabet.ToBytes(word, utf8);
        model.Append(utf8.AsSpan(0, word.Length), scratch, Ids);
    }

    /// <summary>Gives back what an unusually long text needed.</summary>
    public void Trim()
    {
        scratch.Trim();
        if (utf8.Length > KeptBytes)
        {
            utf8 = new byte[1024];
        }

        if (Ids.Capacity > KeptIds)
        {
            Ids = [];
        }
    }

    private void Reserve(int bytes)
    {
        if (bytes > utf8.Length)
        {
            utf8 = new byte[bytes];
        }
    }
}
