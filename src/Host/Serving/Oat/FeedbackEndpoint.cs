using System.Buffers;
using MessagePack;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Oat;

/// <summary>
/// POST /get_feedback as OAT calls it, in MessagePack: rewards of answers to prompts, or the probability that the first of two answers is
/// better. The server applies the chat template.
/// </summary>
internal static class FeedbackEndpoint
{
    private const string ContentType = "application/msgpack";

    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        FeedbackRequest request = Read(await scope.ReadBodyAsync().ConfigureAwait(false));
        ServedModel model = scope.Models.Find(scope.Context.Request.Query["model"].ToString());
        string[] answers = [.. request.Responses, .. request.Candidates.SelectMany(pair => pair)];
        string[] prompts =
        [
            .. request.Responses.Count > 0 ? request.Prompts : [],
            .. request.Candidates.SelectMany((_, i) => new[] { request.Prompts[i], request.Prompts[i] }),
        ];
        int[][] sequences = [.. answers.Select((answer, i) => model.TokenizeAnswer(prompts[i], answer, i))];
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        int scored = request.Responses.Count;
        await scope.ReplyAsync(Write(
            rewards[..scored],
            [.. request.Candidates.Select(
                (_, i) => 1 / (1 + Math.Exp((double)rewards[scored + (2 * i) + 1] - rewards[scored + (2 * i)])))]),
            ContentType).ConfigureAwait(false);
    }

    private static FeedbackRequest Read(byte[] body)
    {
        var request = new FeedbackRequest();
        try
        {
            var reader = new MessagePackReader(body);
            int fields = reader.ReadMapHeader();
            for (int i = 0; i < fields; i++)
            {
                switch (reader.ReadString())
                {
                    case "batch_prompt":
                        ReadTexts(ref reader, request.Prompts);
                        break;
                    case "batch_response":
                        ReadTexts(ref reader, request.Responses);
                        break;
                    case "batch_candidates":
                        int pairs = reader.ReadArrayHeader();
                        for (int k = 0; k < pairs; k++)
                        {
                            var pair = new List<string>();
                            ReadTexts(ref reader, pair);
                            request.Candidates.Add(pair);
                        }

                        break;
                    default:
                        reader.Skip();
                        break;
                }
            }
        }
        catch (Exception e) when (e is MessagePackSerializationException or EndOfStreamException or InsufficientExecutionStackException)
        {
            throw new ApiException(400, "The body is not the MessagePack object that /get_feedback takes.");
        }

        request.Check();
        return request;
    }

    private static void ReadTexts(ref MessagePackReader reader, List<string> texts)
    {
        int count = reader.ReadArrayHeader();
        for (int i = 0; i < count; i++)
        {
            texts.Add(reader.ReadString() ?? throw new ApiException(400, "A text is nil."));
        }
    }

    private static ReadOnlyMemory<byte> Write(float[] scores, double[] probabilities)
    {
        var buffer = new ArrayBufferWriter<byte>();
        var writer = new MessagePackWriter(buffer);
        writer.WriteMapHeader(2);
        writer.Write("batch_score");
        writer.WriteArrayHeader(scores.Length);
        foreach (float score in scores)
        {
            // As a double: a float32 would do, but the other side's own server sends these.
            writer.Write((double)score);
        }

        writer.Write("batch_first_win_prob");
        writer.WriteArrayHeader(probabilities.Length);
        foreach (double probability in probabilities)
        {
            writer.Write(probability);
        }

        writer.Flush();
        return buffer.WrittenMemory;
    }
}
