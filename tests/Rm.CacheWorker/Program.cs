using Rm.CacheWorker;
using Rm.Kernels.Cuda.Builds;

// A process of its own for the kernel cache's tests, which kill it or start several.
//   Rm.CacheWorker forever FOLDER        writes every entry over and over until it is killed
//   Rm.CacheWorker once FOLDER           what a starting btrm does: reads each entry, writes the ones that are missing, reads again;
//                                        1 when any entry read is wrong or stays missing
string mode = args[0];
KernelCache cache = new(args[1]);
Console.WriteLine("started");
bool wrong = false;
do
{
    for (int i = 0; i < CacheEntries.Count; i++)
    {
        byte[] image = CacheEntries.Image(i);
        if (mode == "forever")
        {
            cache.Write(CacheEntries.Key(i), image);
            continue;
        }

        byte[]? read = cache.Read(CacheEntries.Key(i));
        if (read is null)
        {
            wrong |= !cache.Write(CacheEntries.Key(i), image);
            read = cache.Read(CacheEntries.Key(i));
        }

        wrong |= read is null || !image.AsSpan().SequenceEqual(read);
    }
}
while (mode == "forever");

return wrong ? 1 : 0;
