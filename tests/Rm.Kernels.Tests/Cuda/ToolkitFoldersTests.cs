using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Cuda;

public sealed class ToolkitFoldersTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Toolkit_conda_and_the_wheels_of_both_versions_are_searched_in_this_order()
    {
        string toolkit = Make("toolkit", "lib64"), conda = Make("conda", "lib");
        string old = Make("venv", "lib", "python3.9", "site-packages", "nvidia", "cuda_nvrtc", "lib");
        string wheel12 = Make("venv", "lib", "python3.12", "site-packages", "nvidia", "cuda_nvrtc", "lib");
        string wheel13 = Make("venv", "lib", "python3.12", "site-packages", "nvidia", "cu13", "lib");
        string inConda = Make("conda", "lib", "python3.11", "site-packages", "nvidia", "cuda_nvrtc", "lib");
        string named = Make("packages", "nvidia", "cuda_nvrtc", "lib");

        string[] twelve = Find(12);
        Assert.Equal([toolkit, conda, wheel12, old, inConda, named], twelve);
        Assert.Equal([toolkit, conda, wheel13], Find(13));
    }

    [Fact]
    public void Relative_and_missing_folders_are_no_candidates() =>
        Assert.DoesNotContain(
            ToolkitFolders.Of("cublas", 12, name => name == "CUDA_HOME" ? "somewhere" : null), static folder =>
                folder.Contains("somewhere"));

    private string Make(params string[] parts)
    {
        string path = Path.Combine([_folder.Path, .. parts]);
        Directory.CreateDirectory(path);
        return path;
    }

    // What this machine itself has does not count.
    private string[] Find(int major) =>
    [
        .. ToolkitFolders.Of("cuda_nvrtc", major, name => name switch
        {
            "CUDA_HOME" => Path.Combine(_folder.Path, "toolkit"),
            "CONDA_PREFIX" => Path.Combine(_folder.Path, "conda"),
            "VIRTUAL_ENV" => Path.Combine(_folder.Path, "venv"),
            "PYTHONPATH" => Path.Combine(_folder.Path, "packages"),
            _ => null,
        }).Where(folder => folder.StartsWith(_folder.Path, StringComparison.Ordinal)),
    ];
}
