using System.Reflection;
using Rm.Formats;
using Rm.Host.Cli;
using Rm.Kernels.Tensors;
using Rm.Training.Model;

namespace Rm.Host.Tests.Repository;

/// <summary>The assemblies are rooms with one-way doors, and so are the folders in them.</summary>
public sealed class RoomTests
{
    private static readonly Dictionary<string, Assembly> Rooms = new(StringComparer.Ordinal)
    {
        ["Kernels"] = typeof(Tensor).Assembly,
        ["Formats"] = typeof(UserInputException).Assembly,
        ["Training"] = typeof(RewardModel).Assembly,
        ["Host"] = typeof(CommandLine).Assembly,
    };

    [Theory]
    [InlineData("Formats")]
    [InlineData("Training")]
    [InlineData("Host")]
    public void No_folder_takes_part_in_a_cycle(string room)
    {
        IReadOnlyDictionary<(string From, string To), string> edges = CompiledDependencies.Of(Rooms[room]);
        Assert.True(edges.Count > 5, $"only {edges.Count} uses between folders were found in {room}");
        Findings.None(CompiledDependencies.Cycles(edges));
    }

    [Theory]
    [InlineData("Formats", "")]
    [InlineData("Training", "Formats Kernels")]
    [InlineData("Host", "Formats Kernels Training")]
    public void A_room_knows_only_those_below_it(string room, string below)
    {
        string[] ours = [.. Rooms.Values.Select(assembly => assembly.GetName().Name!)];
        string[] allowed = [.. below.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => Rooms[name].GetName().Name!)];
        Assert.Empty(Rooms[room].GetReferencedAssemblies().Select(name => name.Name!).Where(ours.Contains).Except(allowed));
    }

    [Fact]
    public void No_two_types_of_the_product_have_the_same_name() =>
        Findings.None(Rooms.Values.SelectMany(assembly => assembly.GetTypes())
            .Where(type => !type.IsNested && type.Namespace is { } space && space.StartsWith("Rm.", StringComparison.Ordinal)
                && !type.Name.Contains('<', StringComparison.Ordinal))
            .GroupBy(type => type.Name, StringComparer.Ordinal).Where(same => same.Count() > 1)
            .Select(same => $"{same.Key}: {string.Join(", ", same.Select(type => type.FullName))}"));

    [Theory]
    [InlineData("Kernels")]
    [InlineData("Formats")]
    [InlineData("Training")]
    [InlineData("Host")]
    public void The_picture_has_every_folder(string room)
    {
        string picture = RepositoryFiles.Read("docs/architecture.md");
        string[] folders = [.. RepositoryFiles.Under($"src/{room}", ".cs").Select(file => file.Split('/')).Where(parts => parts.Length > 3)
            .Select(parts => parts[2]).Distinct(StringComparer.Ordinal)];
        Assert.True(folders.Length > 3, $"only {folders.Length} folders were found in {room}");
        Findings.None(folders.Where(folder => !picture.Contains($"  {folder}/", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_circle_is_found()
    {
        var edges = new Dictionary<(string, string), string> { [("A", "B")] = "", [("B", "C")] = "", [("C", "A")] = "", [("A", "D")] = "" };
        Assert.Equal(3, CompiledDependencies.Cycles(edges).Count);
        edges.Remove(("C", "A"));
        Assert.Empty(CompiledDependencies.Cycles(edges));
    }
}
