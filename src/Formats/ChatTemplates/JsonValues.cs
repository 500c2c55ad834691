using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Rm.Formats.ChatTemplates;

/// <summary>JSON as template values.</summary>
internal static class JsonValues
{
    public static object FromJson(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Null or JsonValueKind.Undefined:
                return PyNone.Value;
            case JsonValueKind.True or JsonValueKind.False:
                return PythonTypes.Box(element.ValueKind == JsonValueKind.True);
            case JsonValueKind.String:
                return element.GetString()!;
            case JsonValueKind.Array:
                var list = new List<object>();
                foreach (JsonElement item in element.EnumerateArray())
                {
                    list.Add(FromJson(item));
                }

                return list;
            case JsonValueKind.Object:
                var dict = new PyDict();
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    dict[property.Name] = FromJson(property.Value);
                }

                return dict;
            default:
                return Number(element.GetRawText());
        }
    }

    /// <summary>An int without point and exponent, else a float, as Python reads JSON.</summary>
    private static object Number(string text)
    {
        if (text.AsSpan().IndexOfAny(".eE") >= 0)
        {
            return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        return text.Length <= 4300
            ? PythonArithmetic.Normalize(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            : throw new TemplateException("an integer has more than 4300 digits");
    }
}
