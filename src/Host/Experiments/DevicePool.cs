namespace Rm.Host.Experiments;

/// <summary>Deals the devices of <c>--devices</c> to the runs of a sweep: the one with the fewest runs, the first of several.</summary>
/// <param name="devices">Names as <c>--device</c> takes them; empty when every run chooses for itself.</param>
internal sealed class DevicePool(IReadOnlyList<string> devices)
{
    private readonly int[] _runs = new int[devices.Count];

    /// <summary>A device, to be given back; null when there is nothing to deal.</summary>
    public string? Take()
    {
        if (devices.Count == 0)
        {
            return null;
        }

        int index = Array.IndexOf(_runs, _runs.Min());
        _runs[index]++;
        return devices[index];
    }

    /// <summary>Gives a device back.</summary>
    public void Return(string? device)
    {
        // The busiest of several entries with one name, so that their counts stay level.
        int index = Enumerable.Range(0, devices.Count).Where(i => devices[i] == device).OrderByDescending(i => _runs[i]).FirstOrDefault(-1);
        if (index >= 0)
        {
            _runs[index]--;
        }
    }
}
