using System.Buffers.Binary;
using System.Text.Json;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// Compares an answer with a recorded one: status, content type, location, JSON with its types; floats to 1e-4; volatile paths by type
/// only.
/// </summary>
internal static class ExchangeComparison
{
    public static List<string> Compare(Exchange exchange, HttpResponseMessage answer, byte[] body)
    {
        JsonElement want = exchange.Response, headers = want.GetProperty("headers");
        int status = want.GetProperty("status").GetInt32();
        if (status != (int)answer.StatusCode)
        {
            return [$"status {status} expected, {(int)answer.StatusCode} came"];
        }

        var found = new List<string>();
        string type = headers.TryGetProperty("content-type", out JsonElement t) ? t.GetString()!.Split(';')[0] : "";
        Expect(type, answer.Content.Headers.ContentType?.MediaType ?? "", "content-type");
        if (headers.TryGetProperty("location", out JsonElement location))
        {
            Expect(new Uri(location.GetString()!).AbsolutePath, answer.Headers.Location!.ToString(), "location");
        }

        if (headers.TryGetProperty("allow", out JsonElement allow))
        {
            string came = string.Join(", ", answer.Content.Headers.Allow);
            string allowed = came.Length == 0
                ? string.Join(", ", answer.Headers.TryGetValues("Allow", out IEnumerable<string>? v) ? v : [])
                : came;
            Expect(allow.GetString()!, allowed, "allow");
        }

        string? format = Field(exchange, "encoding_format"), dtype = Field(exchange, "embed_dtype"), order = Field(exchange, "endianness");
        if (headers.TryGetProperty("metadata", out JsonElement metadata))
        {
            Compare(JsonElement.Parse(metadata.GetString()!), JsonElement.Parse(answer.Headers.GetValues("metadata").Single()), "/metadata",
                ["/metadata/id", "/metadata/created"], null, found);
        }

        if (want.TryGetProperty("body", out JsonElement json))
        {
            Func<byte[], double[]>? coded = format == "base64" ? bytes => Floats(bytes, dtype, order) : null;
            Compare(json, JsonElement.Parse(body), "", exchange.Volatile, coded, found);
        }
        else if (want.TryGetProperty("body_base64", out JsonElement bytes))
        {
            Same(Floats(bytes.GetBytesFromBase64(), dtype, order), Floats(body, dtype, order), "body", 1e-4, found);
        }
        else if (want.TryGetProperty("body_text", out JsonElement text) && text.GetString()!.Length == 0 && body.Length > 0)
        {
            found.Add("no body expected");
        }
        else if (want.TryGetProperty("metric_names", out _) && !body.AsSpan().StartsWith("# "u8))
        {
            found.Add("no Prometheus text came");
        }

        return found;

        void Expect(string wanted, string came, string what)
        {
            if (wanted != came)
            {
                found.Add($"{what}: '{wanted}' expected, '{came}' came");
            }
        }
    }

    private static void Compare(
        JsonElement want, JsonElement got, string path, string[] loose, Func<byte[], double[]>? coded, List<string> found)
    {
        if (Kind(want) != Kind(got))
        {
            found.Add($"{path}: {Kind(want)} expected, {got} came");
        }
        else if (loose.Contains(path) || path.EndsWith("error/message", StringComparison.Ordinal))
        {
            // Any value of that type.
        }
        else if (want.ValueKind == JsonValueKind.Object)
        {
            string[] wanted = [.. want.EnumerateObject().Select(p => p.Name)], came = [.. got.EnumerateObject().Select(p => p.Name)];
            found.AddRange(wanted.Except(came).Select(name => $"{path}: {name} is missing"));
            found.AddRange(came.Except(wanted).Select(name => $"{path}: {name} is too much"));
            foreach (string name in wanted.Intersect(came))
            {
                Compare(want.GetProperty(name), got.GetProperty(name), $"{path}/{name}", loose, coded, found);
            }
        }
        else if (want.ValueKind == JsonValueKind.Array)
        {
            if (want.GetArrayLength() != got.GetArrayLength())
            {
                found.Add($"{path}: {want.GetArrayLength()} items expected, {got.GetArrayLength()} came");
                return;
            }

            for (int i = 0; i < want.GetArrayLength(); i++)
            {
                Compare(want[i], got[i], $"{path}/{i}", loose, coded, found);
            }
        }
        else if (want.ValueKind == JsonValueKind.Number)
        {
            Same([want.GetDouble()], [got.GetDouble()], path, 1e-4, found);
        }
        else if (coded is not null && path.EndsWith("/data", StringComparison.Ordinal))
        {
            Same(coded(want.GetBytesFromBase64()), coded(got.GetBytesFromBase64()), path, 1e-2, found);
        }
        else if (want.ToString() != got.ToString())
        {
            found.Add($"{path}: {want} expected, {got} came");
        }
    }

    private static void Same(double[] want, double[] got, string path, double tolerance, List<string> found)
    {
        bool same = want.Length == got.Length
            && want.Zip(got).All(p => Math.Abs(p.First - p.Second) <= (tolerance * Math.Max(Math.Abs(p.First), Math.Abs(p.Second))) + 1e-7);
        if (!same)
        {
            found.Add($"{path}: {string.Join(' ', want)} expected, {string.Join(' ', got)} came");
        }
    }

    private static double[] Floats(byte[] bytes, string? dtype, string? order)
    {
        int size = dtype is "float16" or "bfloat16" ? 2 : 4;
        return
        [
            .. bytes.Chunk(size).Select(chunk => order == "big" ? [.. chunk.Reverse()] : chunk).Select(chunk => dtype switch
            {
                "float16" => (double)BinaryPrimitives.ReadHalfLittleEndian(chunk),
                "bfloat16" => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(chunk) << 16),
                _ => BinaryPrimitives.ReadSingleLittleEndian(chunk),
            }),
        ];
    }

    private static string? Field(Exchange exchange, string name) =>
        exchange.Request.TryGetProperty("body", out JsonElement body) && body.ValueKind == JsonValueKind.Object
            && body.TryGetProperty(name, out JsonElement value)
            ? value.GetString() : null;

    private static string Kind(JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? "Boolean" : value.ValueKind.ToString();
}
