using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace Rm.Host.Reporting.TensorBoard;

/// <summary>
/// A file of events as TensorBoard reads them: records of length (8 bytes), its checksum (4), an Event message, its checksum (4), all
/// little-endian. A reader stops at a record that is not whole, so a process that was killed leaves a file that can be read up to there.
/// Sources: tensorflow/core/util/event.proto, core/framework/summary.proto, and the description of TFRecord files.
/// </summary>
internal sealed class EventFile : IDisposable
{
    private const string NamePrefix = "events.out.tfevents.";

    // Fields of Event.
    private const int WallTime = 1;
    private const int Step = 2;
    private const int FileVersion = 3;
    private const int SummaryField = 5;
    private const int SessionLog = 7;

    private const string Version = "brain.Event:2";

    private readonly FileStream _stream;

    private EventFile(FileStream stream) => _stream = stream;

    /// <summary>
    /// Makes a new file in a folder that may hold those of earlier sessions. Everything that they have at <paramref name="firstStep"/> and
    /// after is declared void, because it will be written anew. Throws <see cref="IOException"/> or <see
    /// cref="UnauthorizedAccessException"/>.
    /// </summary>
    public static EventFile Create(string folder, long firstStep)
    {
        Directory.CreateDirectory(folder);
        long[] earlier = [.. Directory.EnumerateFiles(folder, NamePrefix + "*").Select(SecondsOf)];

        // Files are read in the order of their names, which begin with the time: ours must come last even if the clock went back.
        long seconds = Math.Max(DateTimeOffset.UtcNow.ToUnixTimeSeconds(), earlier.Append(0).Max() + 1);
        string name =
            string.Create(CultureInfo.InvariantCulture, $"{NamePrefix}{seconds:D10}.{Environment.MachineName}.{Environment.ProcessId}.0");
        var file = new EventFile(new FileStream(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.Read));
        file.Append(new ProtoMessage().Double(WallTime, Now()).Text(FileVersion, Version));
        if (earlier.Length > 0)
        {
            // SessionLog.status = START: the step of such an event is where earlier files stop to count.
            file.Append(new ProtoMessage().Double(WallTime, Now()).Number(Step, (ulong)firstStep)
                .Message(SessionLog, new ProtoMessage().Number(1, 1)));
        }

        return file;
    }

    /// <summary>Adds a Summary at a step and hands it to the operating system.</summary>
    public void Append(long step, ProtoMessage summary) =>
        Append(new ProtoMessage().Double(WallTime, Now()).Number(Step, (ulong)step).Message(SummaryField, summary));

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    /// <summary>CRC-32C of the bytes, rotated and shifted so that a checksum of data that holds checksums stays a good one.</summary>
    internal static uint MaskedChecksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return BitOperations.RotateRight(~crc, 15) + 0xa282ead8;
    }

    private void Append(ProtoMessage message)
    {
        ReadOnlySpan<byte> content = message.Bytes;
        byte[] record = new byte[sizeof(ulong) + sizeof(uint) + content.Length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), MaskedChecksum(record.AsSpan(0, 8)));
        content.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + content.Length), MaskedChecksum(content));
        _stream.Write(record);
        _stream.Flush();
    }

    private static long SecondsOf(string path) =>
        long.TryParse(Path.GetFileName(path)[NamePrefix.Length..].Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture,
            out long seconds) ? seconds : 0;

    private static double Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
}
