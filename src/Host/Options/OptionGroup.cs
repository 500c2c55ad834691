using System.CommandLine;
using Rm.Formats;

namespace Rm.Host.Options;

/// <summary>Options that belong together and are shared by commands.</summary>
internal abstract class OptionGroup
{
    private readonly List<Option> _options = [];

    /// <summary>Adds the group's options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in _options)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>An option that was made elsewhere.</summary>
    protected Option<T> Add<T>(Option<T> option)
    {
        _options.Add(option);
        return option;
    }

    /// <summary>An option with a default value.</summary>
    protected Option<T> Add<T>(string name, string description, T defaultValue, string? helpName = null)
    {
        var option = new Option<T>(name) { Description = description, DefaultValueFactory = _ => defaultValue, HelpName = helpName };
        _options.Add(option);
        return option;
    }

    /// <summary>An option without a default: null when it is not given.</summary>
    protected Option<T?> AddOptional<T>(string name, string description, string? helpName = null)
    {
        var option = new Option<T?>(name) { Description = description, HelpName = helpName };
        _options.Add(option);
        return option;
    }

    /// <summary>A flag.</summary>
    protected Option<bool> AddFlag(string name, string description)
    {
        var option = new Option<bool>(name) { Description = description };
        _options.Add(option);
        return option;
    }

    /// <summary>Throws <see cref="UserInputException"/> naming the option unless <paramref name="condition"/> holds.</summary>
    protected static void Require(bool condition, Option option, string rule)
    {
        if (!condition)
        {
            throw new UserInputException($"{option.Name} {rule}.");
        }
    }

    /// <summary>A value out of named choices; the error lists them.</summary>
    protected static T Choose<T>(ParseResult result, Option<string> option, IReadOnlyDictionary<string, T> choices)
    {
        string value = result.GetValue(option) ?? "";
        return choices.TryGetValue(value, out T? choice)
            ? choice
            : throw new UserInputException(
                $"{option.Name} '{value}' is not known{NameSuggestion.DidYouMean(value, choices.Keys)}. Choose one of: "
                    + $"{string.Join(", ", choices.Keys)}.");
    }
}
