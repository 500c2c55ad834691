using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Host.Serving.Models;

/// <summary>A model that requests can name: weights (of which the frozen ones may be another's too), tokenizer and texts' rules.</summary>
internal sealed class ServedModel : IDisposable
{
    private static readonly JsonElement Empty = JsonElement.Parse("{}"u8);

    /// <summary>What the <c>model</c> field says.</summary>
    public required string Name { get; init; }

    /// <summary>Weights.</summary>
    public required RewardModel Model { get; init; }

    /// <summary>Tokenizer; null: only ids are taken.</summary>
    public required Tokenizer? Tokenizer { get; init; }

    /// <summary>Chat template; null: no <c>messages</c>.</summary>
    public required IChatTemplate? Template { get; init; }

    /// <summary>Rows as <c>btrm score</c> reads them, with the settings of training.</summary>
    public required RowTokenizer Rows { get; init; }

    /// <summary>Longest sequence in tokens.</summary>
    public required int MaxLength { get; init; }

    /// <summary>What the user called the base, or the adapter's folder.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the base that is served beside it; null for the base.</summary>
    public string? Parent { get; init; }

    /// <summary>Name of the only label.</summary>
    public required string Label { get; init; }

    /// <summary>config.json says <c>problem_type: "regression"</c>: no activation applies, whatever a request asks for.</summary>
    public required bool IsRegression { get; init; }

    /// <summary>The tokenizer, or a refusal.</summary>
    public Tokenizer RequireTokenizer() =>
        Tokenizer ?? throw new ApiException(400, $"The model `{Name}` has no tokenizer.json: send token ids.");

    /// <summary>The text of a conversation; <paramref name="inputs"/>: what else the template sees.</summary>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs)
    {
        if (Template is null)
        {
            throw new ApiException(400, $"The model `{Name}` has no chat template: send the rendered text.");
        }

        try
        {
            return Template.Render(messages, addGenerationPrompt, inputs);
        }
        catch (UserInputException e)
        {
            throw new ApiException(400, e.Message);
        }
    }

    /// <summary>
    /// The ids of an answer to a prompt, rendered and cut as in training. <paramref name="place"/> is named when it cannot be scored.
    /// </summary>
    public int[] TokenizeAnswer(string prompt, string answer, int place)
    {
        var row = DataRow.FromJson("batch", place + 1, Empty, 0);
        var conversation = new Conversation
        {
            Messages = [new ChatMessage("user", prompt), new ChatMessage("assistant", answer)],
            Text = prompt + answer,
            ResponseStart = prompt.Length,
        };
        try
        {
            TokenizedText text = Rows.Tokenize(conversation, row);
            return text.Ids ?? throw new ApiException(400, $"Answer {place + 1} has no reward: {DataReportText.Describe(text.Dropped)}.");
        }
        catch (UserInputException e)
        {
            throw new ApiException(400, e.Message);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
