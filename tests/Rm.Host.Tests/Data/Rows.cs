using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>Rows made in tests.</summary>
internal static class Rows
{
    public static DataRow Row(string json) => DataRow.FromJson("rows.jsonl", 7, JsonElement.Parse(json), json.Length);

    public static PairRow Pair(string json) => PairRowParser.Parse(Row(json));

    public static List<DataRow> Read(string path) => [.. RowSource.OpenFile(path).Read()];

    public static string Error(Action action) => Assert.Throws<UserInputException>(action).Message;
}
