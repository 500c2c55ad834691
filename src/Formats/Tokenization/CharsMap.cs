using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Rm.Formats.Tokenization;

/// <summary>
/// SentencePiece's <c>precompiled_charsmap</c>: a double-array trie (Darts-clone) over UTF-8 from pieces of text to what replaces them.
/// Layout: the trie's size in bytes as 32 bits, its units of 32 bits, then the replacements, each ended by a zero byte.
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _texts;

    /// <summary>Reads the map.</summary>
    /// <exception cref="InvalidDataException">The sizes do not fit, or the replacements are not UTF-8.</exception>
    public CharsMap(ReadOnlySpan<byte> data)
    {
        long size = data.Length < 4 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(data);
        if (size < 4 || size % 4 != 0 || size > data.Length - 4)
        {
            throw new InvalidDataException("precompiled_charsmap is damaged: its trie does not fit");
        }

        _units = new uint[size / 4];
        for (int i = 0; i < _units.Length; i++)
        {
            _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(data[(4 + (i * 4))..]);
        }

        _texts = data[(4 + (int)size)..].ToArray();
        if (!Utf8.IsValid(_texts))
        {
            throw new InvalidDataException("precompiled_charsmap is damaged: its replacements are not UTF-8");
        }
    }

    /// <summary>
    /// What replaces <paramref name="piece"/> (UTF-8): the entry of its shortest prefix that has one, as Hugging Face takes it; null
    /// without.
    /// </summary>
    public string? Find(ReadOnlySpan<byte> piece)
    {
        uint node = Offset(_units[0]);
        foreach (byte b in piece)
        {
            node ^= b;
            if (b == 0 || node >= _units.Length)
            {
                return null;
            }

            uint unit = _units[node];
            if ((unit & 0x800000FF) != b)
            {
                return null;
            }

            node ^= Offset(unit);
            if ((unit & 0x100) != 0)
            {
                return node < _units.Length ? Text(_units[node] & 0x7FFFFFFF) : null;
            }
        }

        return null;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);

    private string? Text(uint start)
    {
        if (start > _texts.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = _texts.AsSpan((int)start);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }
}
