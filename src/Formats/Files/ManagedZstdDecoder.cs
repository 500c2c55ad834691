using System.Buffers;
using ZstdSharp;

namespace Rm.Formats.Files;

/// <summary>Zstandard by ZstdSharp, a port of libzstd that needs no library of the system.</summary>
internal sealed class ManagedZstdDecoder : ZstdDecoder
{
    private readonly Decompressor _decompressor = new();

    public override int Decode(ref ReadOnlySpan<byte> input, Span<byte> output, out bool frameEnded)
    {
        try
        {
            OperationStatus status = _decompressor.UnwrapStream(input, output, out int used, out int written);
            frameEnded = status == OperationStatus.Done;
            input = input[used..];
            return status == OperationStatus.InvalidData ? -1 : written;
        }
        catch (ZstdException)
        {
            frameEnded = false;
            return -1;
        }
    }

    public override void Reset() => _decompressor.ResetStream();

    public override void Dispose() => _decompressor.Dispose();
}
