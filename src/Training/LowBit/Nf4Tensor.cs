using System.Text.Json;
using Rm.Formats.Json;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>
/// NF4 (Dettmers et al. 2023) as bitsandbytes stores it: two codes a byte, the first in the high nibble, in blocks that run on over row
/// ends; value = table[code] * absmax[block]. With double quantisation absmax is itself a code: map[code] * nested_absmax[block / 256] +
/// offset.
/// </summary>
internal sealed class Nf4Tensor : LowBitTensor
{
    private readonly int _blockSize;
    private readonly float[] _table;
    private readonly float[] _scales;
    private readonly NestedScales? _nested;
    private readonly string[] _names;

    public Nf4Tensor(SafetensorsCheckpoint checkpoint, string name)
        : this(checkpoint, name, State(checkpoint, name))
    {
    }

    private Nf4Tensor(SafetensorsCheckpoint checkpoint, string name, JsonFields state)
        : base(checkpoint, name, ReadShape(state))
    {
        _blockSize = state.Int("blocksize", 2, 1 << 20);
        Require(name, (Count + 1) / 2, SafetensorsDType.U8);
        Require(name + ".quant_map", 16, SafetensorsDType.F32);
        _table = ReadAll(name + ".quant_map");
        long blocks = (Count + _blockSize - 1) / _blockSize;
        bool isDouble = state.Find("nested_blocksize") is not null;
        if (!isDouble)
        {
            Require(name + ".absmax", blocks, SafetensorsDType.F32);
            _scales = ReadAll(name + ".absmax");
        }
        else
        {
            int nestedSize = state.Int("nested_blocksize", 1, 1 << 20);
            Require(name + ".absmax", blocks, SafetensorsDType.U8);
            Require(name + ".nested_absmax", (blocks + nestedSize - 1) / nestedSize, SafetensorsDType.F32);
            Require(name + ".nested_quant_map", 256, SafetensorsDType.F32);
            _nested = new NestedScales(
                ReadAllBytes(name + ".absmax"), ReadAll(name + ".nested_quant_map"), ReadAll(name + ".nested_absmax"), nestedSize,
                (float)state.Double("nested_offset", float.MinValue, float.MaxValue));
            _scales = _nested.Values();
        }

        string[] own = [name, name + ".absmax", name + ".quant_map", StateName(name)];
        _names = isDouble ? [.. own, name + ".nested_absmax", name + ".nested_quant_map"] : own;
    }

    /// <inheritdoc/>
    public override LowBitLayout? Layout =>
        Columns % _blockSize == 0 ? IfItFits(new LowBitLayout(LowBitCode.Nf4, _blockSize, _nested?.Size ?? 0)) : null;

    /// <inheritdoc/>
    public override LowBitTables Tables => new(_table, _nested?.Map ?? []);

    /// <inheritdoc/>
    public override IEnumerable<string> Names => _names;

    /// <summary>Name of the tensor that describes the others.</summary>
    public static string StateName(string name) => name + ".quant_state.bitsandbytes__nf4";

    /// <inheritdoc/>
    public override void Read(Span<float> destination, long start)
    {
        byte[] codes = new byte[((start + destination.Length + 1) / 2) - (start / 2)];
        ReadBytes(Name, codes, start / 2);
        for (int i = 0; i < destination.Length; i++)
        {
            long element = start + i;
            int pair = codes[(element / 2) - (start / 2)];
            destination[i] = _table[element % 2 == 0 ? pair >> 4 : pair & 15] * _scales[element / _blockSize];
        }
    }

    /// <inheritdoc/>
    public override LowBitRows ReadRows(int first, int count)
    {
        int blocks = (int)(Columns / _blockSize);
        Range range = (first * blocks)..((first + count) * blocks);
        byte[] codes = ReadCodes(first, count);
        return _nested is null
            ? new LowBitRows(codes, _scales[range], [], [])
            : new LowBitRows(codes, [], _nested.Codes[range], _nested.OfRows(first, count, blocks, Layout!, (int)Columns));
    }

    private static JsonFields State(SafetensorsCheckpoint checkpoint, string name)
    {
        string state = StateName(name);
        byte[] text = new byte[checkpoint.Tensor(state).ByteLength];
        checkpoint.FileOf(state).ReadBytes(state, text, 0);
        return new JsonFields(JsonInput.ParseObject(text, $"{checkpoint.Folder}: {state}"), $"{checkpoint.Folder}: {state}");
    }

    private static long[] ReadShape(JsonFields state)
    {
        long[] shape = state.Find("shape") is { ValueKind: JsonValueKind.Array } list
            ? [.. list.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) && n > 0 ? n : -1L)]
            : [];
        return shape.Length == 2 && shape.All(n => n > 0) ? shape : throw state.Error("shape", "is no [out, in].");
    }
}
