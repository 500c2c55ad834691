namespace Rm.Host.Options;

/// <summary>One setting of a preset.</summary>
/// <param name="Option">The option with its dashes.</param>
/// <param name="Value">Its value as on the command line.</param>
internal sealed record PresetValue(string Option, string Value)
{
    /// <summary>Options that say the same in another way: where one of them is given, the preset's value would contradict it.</summary>
    public IReadOnlyList<string> GivesWayTo { get; init; } = [];

    /// <summary>Has no place in full training, nor beside an adapter, which decides for itself.</summary>
    public bool IsLora { get; init; }
}
