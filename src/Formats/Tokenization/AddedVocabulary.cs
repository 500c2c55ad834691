using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The tokens that are matched in the text, gathered from all files that name some. Ids are given as Hugging Face tokenizers gives them: a
/// token that the model's vocabulary spells keeps its id there, any other counts on behind the highest. A token added again takes its new
/// flags.
/// </summary>
internal sealed class AddedVocabulary(Vocabulary vocabulary)
{
    private readonly Dictionary<string, AddedToken> tokens = new(StringComparer.Ordinal);
    private readonly int modelTokens = vocabulary.TokenCount;
    private int highest = -1; // id among the added tokens

    /// <summary>The tokens, in no particular order.</summary>
    public IReadOnlyCollection<AddedToken> Tokens => tokens.Values;

    /// <summary>The token of this text, or null.</summary>
    public AddedToken? Find(string content) => tokens.GetValueOrDefault(content);

    /// <summary>Adds a token, whose own id is not looked at, and returns it with the id that it has.</summary>
    /// <exception cref="InvalidDataException">The id that is due belongs to another token, since the vocabulary leaves ids out.</exception>
    public AddedToken Add(AddedToken token, string path)
    {
        byte[] content = Encoding.UTF8.GetBytes(token.Content);
        int id;
        if (tokens.TryGetValue(token.Content, out AddedToken? known))
        {
            id = known.Id;
        }
        else if (!vocabulary.TryFindSpelling(content, out id))
        {
            id = Math.Max(modelTokens, highest + 1);
            if (id >= Vocabulary.MaxIds || vocabulary.Contains(id))
            {
                throw new InvalidDataException(
                    $"{path}: '{token.Content}' would get id {id}, the next one, which belongs to another token; model.vocab leaves ids "
                        + $"out");
            }

            vocabulary.SetBytes(id, content);
        }

        highest = Math.Max(highest, id);
        AddedToken added = token with { Id = id };
        tokens[token.Content] = added;
        return added;
    }
}
