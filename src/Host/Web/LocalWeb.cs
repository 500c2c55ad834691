using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Rm.Formats;

namespace Rm.Host.Web;

/// <summary>Kestrel with one handler and nothing else: no configuration files, no environment variables, no logging, no routing.</summary>
internal sealed class LocalWeb : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LocalWeb(WebApplication app, Uri address) => (_app, Address) = (app, address);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>
    /// Begins to listen; port 0 takes any that is free. Throws <see cref="UserInputException"/> when the address cannot be had.
    /// </summary>
    /// <param name="addresses">Addresses to listen on.</param>
    /// <param name="port">Port.</param>
    /// <param name="configure">Limits.</param>
    /// <param name="handle">Answers a request.</param>
    /// <param name="stopTimeout">How long a stop waits for requests that are being answered.</param>
    public static async Task<LocalWeb> StartAsync(
        IReadOnlyList<IPAddress> addresses, int port, Action<KestrelServerOptions> configure, RequestDelegate handle, TimeSpan stopTimeout)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = stopTimeout);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            configure(options);
            foreach (IPAddress address in addresses)
            {
                options.Listen(address, port, listen => listen.Protocols = HttpProtocols.Http1);
            }
        });
        WebApplication app = builder.Build();
        app.Run(handle);
        try
        {
            await app.StartAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidOperationException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new UserInputException(
                $"--port {port}: cannot be listened on ({e.Message}). Give another, or 0 for any that is free.", e);
        }

        return new LocalWeb(app, new Uri(app.Urls.First()));
    }

    /// <summary>Takes no more connections, and waits for requests that are being answered.</summary>
    public Task StopAsync() => _app.StopAsync(CancellationToken.None);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
