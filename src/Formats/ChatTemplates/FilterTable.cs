namespace Rm.Formats.ChatTemplates;

/// <summary>What a filter does with its input.</summary>
internal delegate object FilterBody(RenderState state, object value, CallArguments arguments);

/// <summary>
/// Filters by name. Absent on purpose: random (no two renderings would agree), and what formats web pages or a debugger's output
/// (pprint, striptags, urlize, xmlattr).
/// </summary>
internal static class FilterTable
{
    private static readonly Dictionary<string, FilterBody> Filters = new(StringComparer.Ordinal)
    {
        ["abs"] = NumberFilters.Abs,
        ["attr"] = SelectionFilters.Attr,
        ["batch"] = SequenceFilters.Batch,
        ["capitalize"] = TextFilters.Capitalize,
        ["center"] = TextFilters.Center,
        ["count"] = SequenceFilters.Length,
        ["d"] = SelectionFilters.Default,
        ["default"] = SelectionFilters.Default,
        ["dictsort"] = SequenceFilters.DictSort,
        ["e"] = TextFilters.Escape,
        ["escape"] = TextFilters.Escape,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["first"] = SequenceFilters.First,
        ["float"] = NumberFilters.ToFloat,
        ["forceescape"] = TextFilters.ForceEscape,
        ["format"] = TextFilters.Format,
        ["groupby"] = SequenceFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.ToInt,
        ["items"] = SequenceFilters.Items,
        ["join"] = TextFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = SequenceFilters.Length,
        ["list"] = SequenceFilters.ToList,
        ["lower"] = TextFilters.Lower,
        ["map"] = SelectionFilters.Map,
        ["max"] = SequenceFilters.Max,
        ["min"] = SequenceFilters.Min,
        ["reject"] = (s, v, a) => SelectionFilters.Select(s, v, a, keeps: false, byAttribute: false),
        ["rejectattr"] = (s, v, a) => SelectionFilters.Select(s, v, a, keeps: false, byAttribute: true),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = SequenceFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = TextFilters.Safe,
        ["select"] = (s, v, a) => SelectionFilters.Select(s, v, a, keeps: true, byAttribute: false),
        ["selectattr"] = (s, v, a) => SelectionFilters.Select(s, v, a, keeps: true, byAttribute: true),
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = SequenceFilters.Sort,
        ["string"] = TextFilters.ToText,
        ["sum"] = NumberFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = JsonText.Filter,
        ["trim"] = TextFilters.Trim,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = SequenceFilters.Unique,
        ["upper"] = TextFilters.Upper,
        ["urlencode"] = UrlEncoding.Filter,
        ["wordcount"] = TextFilters.WordCount,
        ["wordwrap"] = TextWrap.Filter,
    };

    public static FilterBody? Find(string name) => Filters.GetValueOrDefault(name);
}
