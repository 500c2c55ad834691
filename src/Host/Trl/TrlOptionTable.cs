namespace Rm.Host.Trl;

/// <summary>
/// Every option of <c>trl reward</c> (TRL 1.16.0, transformers 5.24.0): the parser and docs/from-trl.md are made from this table. Built
/// when it is first asked for.
/// </summary>
internal static partial class TrlOptionTable
{
    private static readonly Lazy<IReadOnlyList<TrlOption>> Options = new(() =>
    [
        .. Grouped("ScriptArguments", Script()), .. Grouped("RewardConfig", [.. Training(), .. Run()]), .. Grouped("ModelConfig", Model()),
        .. Grouped("DatasetMixtureConfig", Mixture()),
    ]);

    private static readonly Lazy<Dictionary<string, TrlOption>> Names =
        new(() => All.ToDictionary(option => option.Name, StringComparer.Ordinal));

    /// <summary>The options in TRL's order.</summary>
    public static IReadOnlyList<TrlOption> All => Options.Value;

    /// <summary>The option of a name, or null.</summary>
    public static TrlOption? Find(string name) => Names.Value.GetValueOrDefault(name);

    private static IEnumerable<TrlOption> Grouped(string group, IEnumerable<TrlOption> options) =>
        options.Select(option => option with { Group = group });
}
