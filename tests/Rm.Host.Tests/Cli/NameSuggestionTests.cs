using Rm.Host.Options;

namespace Rm.Host.Tests.Cli;

public sealed class NameSuggestionTests
{
    private static readonly string[] Known = ["--lora", "--lora-rank", "--lr", "--steps"];

    [Theory]
    [InlineData("--lorra", " (did you mean --lora?)")]
    [InlineData("--lora-rnak", " (did you mean --lora-rank?)")]
    [InlineData("--step", " (did you mean --steps?)")]
    [InlineData("--rl", " (did you mean --lr?)")]
    [InlineData("--completely-different", "")]
    [InlineData("", "")]
    public void The_nearest_name_is_suggested_when_it_is_near(string name, string suggestion) =>
        Assert.Equal(suggestion, NameSuggestion.DidYouMean(name, Known));

    [Fact]
    public void Without_known_names_nothing_is_suggested() => Assert.Equal("", NameSuggestion.DidYouMean("--x", []));
}
