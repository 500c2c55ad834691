namespace Rm.Formats.Hub;

/// <summary>Room on disks.</summary>
internal static class DiskSpace
{
    // ENOSPC and EDQUOT, which .NET passes on as they are, and Windows' ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
    private const int NoSpace = 28, QuotaExceeded = 122, HandleDiskFull = unchecked((int)0x80070027), DiskFull = unchecked((int)0x80070070);

    /// <summary>Bytes that this user may still write where <paramref name="folder"/> is; null when the system does not tell.</summary>
    public static long? FreeBytes(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>True for the failure of a write for want of room.</summary>
    public static bool IsFull(IOException e) => e.HResult is NoSpace or QuotaExceeded or HandleDiskFull or DiskFull;
}
