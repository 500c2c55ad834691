namespace Rm.Formats.Hub;

/// <summary>A file of a repository, as its listing describes it.</summary>
/// <param name="Path">Path in the repository, with "/" between its parts.</param>
/// <param name="Size">Bytes, or null when the listing does not tell.</param>
/// <param name="BlobId">Git's hash of the file, or of its pointer when it is large; null when the listing does not tell.</param>
/// <param name="Sha256">SHA-256 of a file in large-file storage, in lower-case hex; null for others.</param>
public sealed record HubFile(string Path, long? Size = null, string? BlobId = null, string? Sha256 = null);
