using Rm.Formats;
using Rm.Formats.Hub;
using Rm.Training.Adapters;

namespace Rm.Host.Tests.Hub;

public sealed class HubSettingsTests
{
    [Fact]
    public void Defaults_are_the_python_clients()
    {
        HubSettings settings = From(("HOME", "/home/u"));
        Assert.Equal("https://huggingface.co/", settings.Endpoint.AbsoluteUri);
        Assert.Equal("/home/u/.cache/huggingface/hub", settings.CacheFolder);
        Assert.Null(settings.Token);
        Assert.False(settings.Offline);
        Assert.False(settings.DatasetsOffline);
        Assert.True(settings.UseSymlinks);
    }

    [Fact]
    public void Folders_follow_the_variables_in_the_python_clients_order()
    {
        Assert.Equal("/x/huggingface/hub", From(("HOME", "/home/u"), ("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal("/hf/hub", From(("HF_HOME", "/hf"), ("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal("/old", From(("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")).CacheFolder);
        Assert.Equal("/new", From(("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")).CacheFolder);
        Assert.Equal("/home/u/c/s1", From(("HOME", "/home/u"), ("HF_HUB_CACHE", "~/c/$SUB"), ("SUB", "s1")).CacheFolder);
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE", "1", true, true)]
    [InlineData("HF_HUB_OFFLINE", "True", true, true)]
    [InlineData("TRANSFORMERS_OFFLINE", "yes", true, true)]
    [InlineData("HF_DATASETS_OFFLINE", "1", false, true)]
    [InlineData("HF_HUB_OFFLINE", "0", false, false)]
    [InlineData("HF_HUB_OFFLINE", "", false, false)]
    public void Offline_has_several_spellings(string name, string value, bool offline, bool datasets)
    {
        HubSettings settings = From((name, value));
        Assert.Equal(offline, settings.Offline);
        Assert.Equal(datasets, settings.DatasetsOffline);
    }

    [Fact]
    public void The_token_comes_from_the_environment_and_then_from_the_file()
    {
        using var home = new ScratchFolder();
        home.Write("token", "hf_file\n");
        Assert.Equal("hf_file", From(("HF_HOME", home.Path)).Token);
        Assert.Equal("hf_env", From(("HF_HOME", home.Path), ("HF_TOKEN", " hf_env\n")).Token);
        Assert.Null(From(("HF_HOME", home.Path), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).Token);
        UserInputException e = Assert.Throws<UserInputException>(() => From(("HF_TOKEN", "hf sec\u00e9ret")));
        Assert.DoesNotContain("ret", e.Message.Replace("HF_TOKEN", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HF_ENDPOINT", "ftp://x")]
    [InlineData("HF_ENDPOINT", "huggingface.co")]
    [InlineData("HF_ENDPOINT", "https://user:pass@x")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "soon")]
    public void A_value_that_makes_no_sense_is_an_error_that_names_the_variable(string name, string value) =>
        Assert.StartsWith(name, Assert.Throws<UserInputException>(() => From((name, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("org/name", "org/name", null)]
    [InlineData("Qwen/Qwen2.5-3B@main", "Qwen/Qwen2.5-3B", "main")]
    [InlineData("org/name@refs/pr/12", "org/name", "refs/pr/12")]
    public void Repositories_are_parsed(string text, string id, string? revision) =>
        Assert.Equal(new HubRepo(HubRepoKind.Model, id, revision), HubRepo.Parse(HubRepoKind.Model, text));

    [Theory]
    [InlineData("name")]
    [InlineData("a/b/c")]
    [InlineData("./name")]
    [InlineData("../name")]
    [InlineData("/name")]
    [InlineData("org/na me")]
    [InlineData("org--x/name")]
    [InlineData("org/name@")]
    [InlineData("org/name@../x")]
    [InlineData("org/name@a//b")]
    [InlineData("org/name@/etc")]
    [InlineData("org/..")]
    public void What_is_no_repository_is_none(string text) => Assert.Null(HubRepo.Parse(HubRepoKind.Model, text));

    [Theory]
    [InlineData("org/name@v1", "org/name", "v1")]
    [InlineData("org/name", "org/name", null)]
    [InlineData("/a/folder@x/model", "/a/folder@x/model", null)]
    public void An_adapter_names_its_base_models_revision_as_peft_does(string model, string written, string? revision)
    {
        byte[] json = new AdapterConfig(4, 8, ["q_proj"], BaseModel: model).ToJson();
        using var document = System.Text.Json.JsonDocument.Parse(json);
        Assert.Equal(written, document.RootElement.GetProperty("base_model_name_or_path").GetString());
        Assert.Equal(revision, document.RootElement.GetProperty("revision").GetString());
        Assert.Equal(model, AdapterConfig.Parse(json, "adapter_config.json").BaseModel);
    }

    [Fact]
    public void Waits_grow_and_what_the_server_asks_for_counts()
    {
        var second = TimeSpan.FromSeconds(1);
        for (int failures = 1; failures <= 10; failures++)
        {
            Assert.InRange(Rm.Formats.Hub.RetryDelay.Of(failures, second, null).TotalSeconds, Math.Min(Math.Pow(2, failures - 1), 30) / 2,
                Math.Min(Math.Pow(2, failures - 1), 30));
        }

        Assert.Equal(7, Rm.Formats.Hub.RetryDelay.Of(1, second, TimeSpan.FromSeconds(7)).TotalSeconds);
        Assert.Equal(300, Rm.Formats.Hub.RetryDelay.Of(1, second, TimeSpan.FromDays(7)).TotalSeconds);
    }

    private static HubSettings From(params (string Name, string Value)[] variables) =>
        HubSettings.From(
            name => variables.FirstOrDefault(v => v.Name == name).Value is { } value ? value : name == "HOME" ? "/nonexistent" : null);
}
