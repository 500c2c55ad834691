using System.Text.Json;
using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Tokenization;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.ChatTemplates;

/// <summary>Which of a checkpoint's templates a conversation takes, by where transformers finds them.</summary>
public sealed class ChatTemplateSetTests
{
    private static readonly ChatMessage[] Chat = [new("user", "q")];
    private static readonly ChatTemplateInputs Tools = new(JsonElement.Parse("[]"));

    [Theory]
    [InlineData("""{"chat_template": "D"}""", "D", "D")]
    [InlineData("""{"chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]}""", "D", "T")]
    [InlineData("""{"chat_template": {"default": "D", "tool_use": "T", "rag": "{% broken"}}""", "D", "T")]
    public void The_configuration_has_one_or_several(string config, string plain, string withTools)
    {
        using TokenizerFolder folder = Folder(config);
        ChatTemplateSet templates = ChatTemplateSet.Of(folder.Load())!;
        Assert.Equal(plain, templates.Render(Chat, addGenerationPrompt: false));
        Assert.Equal(withTools, templates.Render(Chat, addGenerationPrompt: false, Tools));
    }

    [Fact]
    public void Files_win_over_the_configuration()
    {
        using TokenizerFolder folder = Folder("""{"chat_template": "configured"}""");
        Directory.CreateDirectory(Path.Combine(folder.Path, ChatTemplateFiles.FolderName));
        folder.Write("additional_chat_templates/tool_use.jinja", "T");
        UserInputException error =
            Assert.Throws<UserInputException>(() => ChatTemplateSet.Of(folder.Load())!.Render(Chat, addGenerationPrompt: false));
        Assert.Contains("several chat templates (tool_use) and none of the name default", error.Message, StringComparison.Ordinal);
        folder.Write("chat_template.jinja", "D");
        Assert.Equal(("D", "T"), (Render(folder), Render(folder, Tools)));
        folder.Write("additional_chat_templates/default.jinja", "additional");
        Assert.Equal("additional", Render(folder)); // transformers reads the folder last
    }

    [Fact]
    public void A_checkpoint_without_any_has_no_set()
    {
        using TokenizerFolder folder = Folder("{}");
        Assert.Null(ChatTemplateSet.Of(folder.Load()));
    }

    [Theory]
    [InlineData("""{"chat_template": 3}""", "$.chat_template is not a string")]
    [InlineData("""{"chat_template": {"default": 3}}""", "$.chat_template.default is not a string")]
    public void A_bad_entry_is_named(string config, string message)
    {
        using TokenizerFolder folder = Folder(config);
        Assert.Contains(message, Assert.Throws<UserInputException>(folder.Load).Message, StringComparison.Ordinal);
    }

    private static string Render(TokenizerFolder folder, ChatTemplateInputs? inputs = null) =>
        ChatTemplateSet.Of(folder.Load())!.Render(Chat, addGenerationPrompt: false, inputs);

    private static TokenizerFolder Folder(string config) =>
        new TokenizerFolder().Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString()).Write("tokenizer_config.json", config);
}
