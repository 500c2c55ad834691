using Rm.Host.Reporting.Html;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Reporting;

/// <summary>The pages in a real browser: they draw, fit, stay silent, ask nobody, and no text of the data comes to life.</summary>
public sealed class BrowserTests : IDisposable
{
    // Distinct colours on a canvas: an empty one has a single one, a chart has lines, grid and texts in several shades.
    private const string CanvasColours = """
        Array.from(document.querySelectorAll('canvas'), canvas => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return new Set(new Uint32Array(data.buffer)).size;
        })
        """;

    private readonly ScratchFolder _scratch = new();

    [Theory]
    [InlineData(1280, false)]
    [InlineData(1280, true)]
    [InlineData(390, false)]
    [InlineData(390, true)]
    public async Task The_page_of_a_run_draws_fits_and_is_silent(int width, bool dark)
    {
        using Browser browser = await Open(Page(MadeRun.Write(_scratch, "run")), width, dark);
        int[] colours = [.. (await browser.EvaluateAsync(CanvasColours))!.AsArray().Select(n => (int)n!)];

        // Eight curves of training and evaluation, two of the GPU.
        Assert.Equal(10, colours.Length);
        Assert.All(colours, n => Assert.InRange(n, 8, int.MaxValue));
        Assert.Equal(["GPU memory", "GPU utilization"],
            (await Strings(browser, "document.querySelectorAll('[data-chart^=GPU] figcaption')")).Order());
        Assert.Equal(5, (int)(await browser.EvaluateAsync("document.querySelectorAll('.card svg').length"))!);
        Assert.True((int)(await browser.EvaluateAsync("document.querySelectorAll('.card svg .bar').length"))! >= 5);
        Assert.Equal("eval.jsonl:1", (await Strings(browser, "document.querySelectorAll('.sample .place')"))[0]);
        await AssertFits(browser);
        Assert.Equal(dark ? "rgb(15, 19, 24)" : "rgb(246, 247, 249)",
            (string?)await browser.EvaluateAsync("getComputedStyle(document.body).backgroundColor"));
        AssertSilent(browser);
    }

    [Fact]
    public async Task Texts_of_the_data_stay_texts_when_everything_is_open()
    {
        using Browser browser = await Open(Page(MadeRun.Write(_scratch, "run<img src=x onerror=hacked=1>")), 1280, dark: false);
        await browser.EvaluateAsync("document.querySelectorAll('details').forEach(d => { d.open = true; })");
        await browser.DrawnAsync();
        await browser.EvaluateAsync("document.querySelectorAll('details details').forEach(d => { d.open = true; })");
        await browser.DrawnAsync();

        // The hostile text was shown: as a setting, in the data report, in a sample, twice rendered, and as a domain.
        int shown = (int)(await browser.EvaluateAsync("document.body.innerText.split('onerror=\"window.hacked=1\"').length - 1"))!;
        Assert.InRange(shown, 6, int.MaxValue);
        Assert.Equal("undefined", (string?)await browser.EvaluateAsync("typeof window.hacked"));
        Assert.Equal(0, (int)(await browser.EvaluateAsync("document.querySelectorAll('img, iframe, object, [onerror]').length"))!);
        Assert.Equal("1 2 3 4", (await Strings(browser, "document.querySelectorAll('pre.ids')"))[0]);
        AssertSilent(browser);
    }

    [Fact]
    public async Task The_policy_stops_what_would_get_through()
    {
        // The second wall, tested by itself: markup that somebody put into the page runs nothing and asks nobody.
        string path = Page(MadeRun.Write(_scratch, "run"));
        string page = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(path, page.Replace("<noscript>", $"{MadeRun.Hostile}--><noscript>", StringComparison.Ordinal),
            TestContext.Current.CancellationToken);
        using Browser browser = await Open(path, 1280, dark: false);
        Assert.Equal("undefined", (string?)await browser.EvaluateAsync("typeof window.hacked"));
        Assert.DoesNotContain(browser.Requests, address => address.StartsWith("http", StringComparison.Ordinal));
        Assert.NotEmpty(browser.Complaints);
    }

    [Fact]
    public async Task The_theme_changes_by_hand_and_by_the_system()
    {
        const string Theme = "document.documentElement.dataset.theme";
        const string Picture = "document.querySelector('canvas').toDataURL()";
        using Browser browser = await Open(Page(MadeRun.Write(_scratch, "run")), 1280, dark: false);
        Assert.Equal("light", (string?)await browser.EvaluateAsync(Theme));
        string light = (string)(await browser.EvaluateAsync(Picture))!;
        await browser.LookAsync(1280, dark: true);
        await browser.DrawnAsync();
        Assert.Equal("dark", (string?)await browser.EvaluateAsync(Theme));
        Assert.NotEqual(light, (string)(await browser.EvaluateAsync(Picture))!);
        await browser.EvaluateAsync("document.getElementById('theme').focus()");
        await browser.EvaluateAsync("document.activeElement.click()");
        await browser.DrawnAsync();
        Assert.Equal("light", (string?)await browser.EvaluateAsync(Theme));
        Assert.Equal(light, (string)(await browser.EvaluateAsync(Picture))!);
        AssertSilent(browser);
    }

    [Fact]
    public async Task Charts_can_be_read_with_the_keyboard_and_as_tables()
    {
        using Browser browser = await Open(Page(MadeRun.Write(_scratch, "run")), 1280, dark: false);
        await browser.EvaluateAsync("document.querySelector('[data-chart=Loss] .plot').focus()");
        await browser.PressAsync("ArrowRight");
        await browser.PressAsync("ArrowRight");
        await browser.DrawnAsync();
        Assert.Equal("2", (await Strings(browser, "document.querySelectorAll('[data-chart=Loss] .u-series .u-value')"))[0]);

        await browser.EvaluateAsync("document.querySelector('[data-chart=Margin] details').open = true");
        await browser.DrawnAsync();
        string[] row = await Strings(browser, "document.querySelectorAll('[data-chart=Margin] tbody tr:nth-child(10) > *')");
        Assert.Equal(["10", "0.25"], [row[0], row[^1]]);
        AssertSilent(browser);
    }

    [Fact]
    public async Task The_overview_of_a_sweep_sorts_and_links()
    {
        foreach (string name in new[] { "a", "bbbb", "cc" })
        {
            MadeRun.Write(_scratch, $"sweep/{name}", steps: name.Length * 20);
        }

        const string Order = "document.querySelectorAll('#runs tbody th a')";
        using Browser browser = await Open(Page(_scratch["sweep"]), 1280, dark: false);
        Assert.All((await browser.EvaluateAsync(CanvasColours))!.AsArray(), n => Assert.InRange((int)n!, 8, int.MaxValue));
        await Click(browser, "Steps");
        Assert.Equal(["bbbb", "cc", "a"], await Strings(browser, Order));
        await Click(browser, "Steps");
        Assert.Equal(["a", "cc", "bbbb"], await Strings(browser, Order));
        Assert.Equal("ascending", (string?)await browser.EvaluateAsync(
            "[...document.querySelectorAll('#runs thead th')].find(h => h.textContent === 'Steps').ariaSort"));
        await Click(browser, "Run");
        Assert.Equal(["cc", "bbbb", "a"], await Strings(browser, Order));
        await browser.EvaluateAsync("document.querySelector('#runs tbody input').click()");
        await browser.DrawnAsync();
        await AssertFits(browser);
        await browser.LookAsync(390, dark: true);
        await browser.DrawnAsync();
        await AssertFits(browser);
        AssertSilent(browser);

        string target = (string)(await browser.EvaluateAsync("document.querySelector('#runs tbody a').href"))!;
        await browser.OpenAsync(new Uri(target));
        Assert.Equal("cc", (string?)await browser.EvaluateAsync("document.querySelector('h1').textContent"));
    }

    [Fact]
    public async Task A_served_page_follows_the_run_without_being_loaded_again()
    {
        Assert.SkipWhen(Browser.Path is null, NoBrowser);
        string folder = MadeRun.Write(_scratch, "run", finished: false);
        using var server = ReportServer.Start(new ReportSite(folder), 0);
        using Browser browser = await Browser.StartAsync();
        await browser.LookAsync(1280, dark: false);
        await browser.OpenAsync(server.Address);
        await browser.EvaluateAsync("window.sameDocument = true");
        await browser.EvaluateAsync("document.querySelector('[data-chart=Loss] details').open = true");
        await browser.EvaluateAsync("document.querySelector('.sample').open = true");
        await File.AppendAllTextAsync(Path.Combine(folder, "metrics.jsonl"), MadeRun.TrainLine(61), TestContext.Current.CancellationToken);
        await browser.EvaluateAsync(
            Until("[...document.querySelectorAll('[data-chart=Loss] tbody tr th')].some(h => h.textContent === '61')"));
        MadeRun.Write(_scratch, "run");
        await browser.EvaluateAsync(Until("document.getElementById('status').textContent === 'completed'"));
        Assert.True((bool)(await browser.EvaluateAsync("window.sameDocument && document.querySelector('.sample').open"))!);
        Assert.All(browser.Requests, address => Assert.True(
            address.StartsWith(server.Address.AbsoluteUri, StringComparison.Ordinal)
                || address.StartsWith("data:", StringComparison.Ordinal), address));
        Assert.Empty(browser.Complaints);
    }

    public void Dispose() => _scratch.Dispose();

    private const string NoBrowser = "no Chromium on the PATH (Debian: apt-get install chromium; or name one in BTRM_CHROMIUM)";

    private static string Page(string folder) => Btrm.Succeed("report", folder).Output.Trim();

    private static string Until(string condition) =>
        $"new Promise(r => (function ask() {{ {condition} ? r(true) : setTimeout(ask, 50); }})())";

    private static async Task<Browser> Open(string path, int width, bool dark)
    {
        Assert.SkipWhen(Browser.Path is null, NoBrowser);
        Browser browser = await Browser.StartAsync();
        await browser.LookAsync(width, dark);
        await browser.OpenAsync(new Uri(path));
        return browser;
    }

    private static async Task<string[]> Strings(Browser browser, string elements) =>
        [.. (await browser.EvaluateAsync($"Array.from({elements}, e => e.textContent)"))!.AsArray().Select(n => (string)n!)];

    private static async Task Click(Browser browser, string heading)
    {
        await browser.EvaluateAsync(
            $"[...document.querySelectorAll('#runs thead button')].find(b => b.textContent === '{heading}').click()");
        await browser.DrawnAsync();
    }

    private static async Task AssertFits(Browser browser)
    {
        int[] widths = [.. (await browser.EvaluateAsync(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"))!.AsArray().Select(n => (int)n!)];
        Assert.True(widths[0] <= widths[1], $"the page is {widths[0]} pixels wide in a window of {widths[1]}");
    }

    private static void AssertSilent(Browser browser)
    {
        Assert.Empty(browser.Complaints);
        Assert.All(browser.Requests, address => Assert.True(
            address.StartsWith("file:///", StringComparison.Ordinal) || address is "data:," or "about:blank",
            $"the page asked for {address}"));
        Assert.Single(browser.Requests, address => address.StartsWith("file:", StringComparison.Ordinal));
    }
}
