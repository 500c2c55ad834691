using Rm.Formats.Files;

namespace Rm.Host.Tests.Checkpoints;

/// <summary>The process stops here: no later operation reaches the disk.</summary>
internal sealed class ProcessKilledException : Exception
{
    public ProcessKilledException() : base("the simulated process was killed")
    {
    }
}

/// <summary>
/// A disk in memory that tells what a process sees from what survives a power cut. Data survive from their file's FlushToDisk on, names
/// from their folder's FlushDirectory on; of what was not flushed, any prefix of a folder's changes and any torn state of a file may
/// survive. Every operation is a numbered step at which the process can be killed or the operation can fail.
/// </summary>
internal sealed class SimulatedDisk(bool canExchange) : IFileLayer
{
    private readonly Folder _root = new();
    private bool _dead;

    public int Steps { get; private set; }

    public int KillAt { get; set; } = -1;

    public int FailAt { get; set; } = -1;

    public long? Free { get; set; }

    private abstract class Node;

    private sealed class Folder : Node
    {
        public Dictionary<string, Node> Entries { get; init; } = [];

        public Dictionary<string, Node> Durable { get; set; } = [];

        public List<Action<Dictionary<string, Node>>> Pending { get; } = [];

        public void Change(Action<Dictionary<string, Node>> change)
        {
            change(Entries);
            Pending.Add(change);
        }
    }

    private sealed class Data : Node
    {
        public byte[] Content { get; set; } = [];

        public byte[] Durable { get; set; } = [];
    }

    /// <summary>The same disk for the next process, as after a kill: all that was done is there.</summary>
    public SimulatedDisk NextProcess()
    {
        (_dead, KillAt, FailAt, Steps) = (false, -1, -1, 0);
        return this;
    }

    /// <summary>
    /// A disk as a power cut may leave it. Seed 0: nothing that was not flushed survives; 1: all of it; others: some of it.
    /// </summary>
    public SimulatedDisk AfterPowerCut(int seed)
    {
        var disk = new SimulatedDisk(canExchange);
        var random = new Random(seed);
        CopySurvivors(_root, disk._root, seed, random);
        return disk;
    }

    /// <summary>The files of a folder, or null when it is not there.</summary>
    public Dictionary<string, byte[]>? Read(string path) => Find(path) is Folder folder
        ? folder.Entries.Where(entry => entry.Value is Data).ToDictionary(entry => entry.Key, entry => ((Data)entry.Value).Content)
        : null;

    public bool DirectoryExists(string path) => Find(path) is Folder;

    public IReadOnlyList<string> ListDirectories(string path) =>
        Find(path) is Folder folder ? [.. folder.Entries.Where(entry => entry.Value is Folder).Select(entry => entry.Key)] : [];

    public void CreateDirectory(string path)
    {
        Step();
        Folder folder = _root;
        foreach (string part in Parts(path))
        {
            if (!folder.Entries.TryGetValue(part, out Node? next))
            {
                next = new Folder();
                Node created = next;
                folder.Change(entries => entries[part] = created);
            }

            folder = (Folder)next;
        }
    }

    public Stream CreateFile(string path)
    {
        Step();
        var data = new Data();
        Parent(path).Change(entries => entries[Path.GetFileName(path)] = data);
        return new FileOnDisk(this, data);
    }

    public Stream OpenFile(string path)
    {
        if (Find(path) is Data data)
        {
            return new FileOnDisk(this, data);
        }

        return CreateFile(path);
    }

    public void FlushToDisk(Stream stream)
    {
        Step();
        Data data = ((FileOnDisk)stream).Data;
        data.Durable = data.Content;
    }

    public void FlushDirectory(string path)
    {
        Step();
        var folder = (Folder)Find(path)!;
        folder.Durable = new(folder.Entries);
        folder.Pending.Clear();
    }

    public void RenameDirectory(string from, string to)
    {
        Step();
        Folder node = Find(from) as Folder ?? throw new IOException($"{from} is not there");
        if (Find(to) is not null || Parent(from) != Parent(to))
        {
            throw new IOException($"{to} is there, or in another folder");
        }

        Parent(from).Change(entries =>
        {
            entries.Remove(Path.GetFileName(from));
            entries[Path.GetFileName(to)] = node;
        });
    }

    public bool TryExchangeDirectories(string first, string second)
    {
        Step();
        if (!canExchange)
        {
            return false;
        }

        (Node? a, Node? b) = (Find(first)!, Find(second)!);
        Parent(first).Change(entries =>
        {
            entries[Path.GetFileName(first)] = b;
            entries[Path.GetFileName(second)] = a;
        });
        return true;
    }

    public void DeleteDirectory(string path)
    {
        if (Find(path) is not Folder folder)
        {
            return;
        }

        foreach (string? name in folder.Entries.Keys.ToArray())
        {
            Step();
            folder.Change(entries => entries.Remove(name));
        }

        Step();
        Parent(path).Change(entries => entries.Remove(Path.GetFileName(path)));
    }

    public long? FreeBytes(string path) => Free;

    private static string[] Parts(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);

    private static void CopySurvivors(Folder from, Folder to, int seed, Random random)
    {
        var names = new Dictionary<string, Node>(from.Durable);
        int applied = seed switch { 0 => 0, 1 => from.Pending.Count, _ => random.Next(from.Pending.Count + 1) };
        from.Pending.Take(applied).ToList().ForEach(change => change(names));
        foreach ((string? name, Node? node) in names)
        {
            if (node is Folder folder)
            {
                var copy = new Folder();
                CopySurvivors(folder, copy, seed, random);
                to.Entries[name] = copy;
            }
            else
            {
                byte[] content = Torn((Data)node, seed, random);
                to.Entries[name] = new Data { Content = content, Durable = content };
            }
        }

        to.Durable = new(to.Entries);
    }

    private static byte[] Torn(Data data, int seed, Random random)
    {
        if (seed < 2 || data.Content.AsSpan().SequenceEqual(data.Durable))
        {
            return seed == 1 ? data.Content : data.Durable;
        }

        // Beyond the part that was synced unchanged: cut short, or of full length with zeros where a page was not written.
        int safe = data.Content.AsSpan().CommonPrefixLength(data.Durable);
        int cut = random.Next(safe, data.Content.Length + 1);
        return random.Next(2) == 0 ? data.Content[..cut] : [.. data.Content[..cut], .. new byte[data.Content.Length - cut]];
    }

    private Node? Find(string path)
    {
        Node? node = _root;
        foreach (string part in Parts(path))
        {
            node = node is Folder folder ? folder.Entries.GetValueOrDefault(part) : null;
        }

        return node;
    }

    private Folder Parent(string path) =>
        Find(Path.GetDirectoryName(path)!) as Folder ?? throw new DirectoryNotFoundException($"{path}: no such folder");

    private void Step(Action? half = null)
    {
        if (_dead)
        {
            throw new ProcessKilledException();
        }

        int step = Steps++;
        if (step == KillAt)
        {
            _dead = true;
            half?.Invoke();
            throw new ProcessKilledException();
        }

        if (step == FailAt)
        {
            half?.Invoke();
            throw new IOException("simulated: no space left on device", 28);
        }
    }

    /// <summary>An open file; a write that fails or is killed has written its first half.</summary>
    private sealed class FileOnDisk(SimulatedDisk disk, Data data) : Stream
    {
        public Data Data => data;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => true;

        public override long Length => data.Content.Length;

        public override long Position { get; set; }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            Span<byte> part = data.Content.AsSpan((int)Position, (int)Math.Min(count, Length - Position));
            part.CopyTo(buffer.AsSpan(offset));
            Position += part.Length;
            return part.Length;
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            disk.Step(() => Put(buffer.AsSpan(offset, count / 2)));
            Put(buffer.AsSpan(offset, count));
        }

        public override void SetLength(long value)
        {
            disk.Step();
            byte[] content = data.Content;
            Array.Resize(ref content, (int)value);
            data.Content = content;
            Position = Math.Min(Position, value);
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        private void Put(ReadOnlySpan<byte> bytes)
        {
            byte[] content = data.Content;
            Array.Resize(ref content, (int)Math.Max(content.Length, Position + bytes.Length));
            bytes.CopyTo(content.AsSpan((int)Position));
            data.Content = content;
            Position += bytes.Length;
        }
    }
}
