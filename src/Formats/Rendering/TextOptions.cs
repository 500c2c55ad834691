using Rm.Formats.Rows;

namespace Rm.Formats.Rendering;

/// <summary>How rows become token ids.</summary>
/// <param name="UseChatTemplate">False with <c>--no-chat-template</c>: texts are concatenated and end with the EOS token.</param>
/// <param name="SystemPrompt">A system turn for conversations that have none of their own (<c>--system-prompt</c>).</param>
/// <param name="MaxSeqLen">Most tokens of one side, closing tokens included; 0 for no limit.</param>
/// <param name="Truncation">What happens to longer ones.</param>
/// <param name="VocabSize">Token ids must lie below this, given by rows or made from their text; 0 to accept any.</param>
/// <param name="Columns">What the user says of the rows' columns; null for nothing.</param>
public sealed record TextOptions(
    bool UseChatTemplate = true,
    string? SystemPrompt = null,
    int MaxSeqLen = 0,
    TruncationMode Truncation = TruncationMode.Response,
    int VocabSize = 0,
    RowColumns? Columns = null);
