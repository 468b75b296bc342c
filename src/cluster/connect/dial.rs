//! From an address to a connection: the socket and what the kernel watches of it, the proxy, TLS. For all clients, so
//! that no connection can be dead for long without being noticed.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use kube::Config;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tower::{BoxError, Service};

use super::gather::{Beats, Socket};

/// For the TCP connection.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// For everything until requests can be sent: a proxy's answer and TLS come on top.
const READY: Duration = Duration::from_secs(10);
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
/// The kernel gives up a connection whose bytes nobody has acknowledged for so long.
#[cfg(target_os = "linux")]
const TCP_UNANSWERED: Duration = Duration::from_secs(30);

/// What is spoken over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP/1.1: it alone can become a connection of exec.
    Old,
    /// HTTP/2 where the server has it.
    Newest,
}

/// How its socket is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    AtOnce,
    Gathered(Beats),
}

/// A connection with whatever it needs of TLS, to the server and to a proxy.
pub(super) type Wire = MaybeHttpsStream<MaybeHttpsStream<Socket>>;

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Dialer {
    https: HttpsConnector<Route>,
}

/// The way to the server, without the TLS that is spoken with it.
#[derive(Clone)]
enum Route {
    Straight(Sockets),
    Tunnel(Tunnel<Sockets>),
    /// The proxy itself is spoken to over TLS.
    HiddenTunnel(Tunnel<HttpsConnector<Sockets>>),
    Socks(SocksV5<Sockets>),
}

#[derive(Clone)]
struct Sockets {
    http: HttpConnector,
    reading: Reading,
}

/// A proxy that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("proxies of the kind {0:?} are not supported")]
pub(super) struct UnknownProxy(String);

impl Dialer {
    pub(super) fn new(
        config: &Config,
        tls: &Arc<ClientConfig>,
        speaks: Speaks,
        reading: Reading,
    ) -> Result<Self, UnknownProxy> {
        let route = Route::new(config, tls, reading)?;
        let mut builder = HttpsConnectorBuilder::new()
            .with_tls_config(ClientConfig::clone(tls))
            .https_or_http();
        let name = config.tls_server_name.clone();
        if let Some(name) = name.and_then(|name| ServerName::try_from(name).ok()) {
            builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let https = match speaks {
            Speaks::Old => builder.enable_http1().wrap_connector(route),
            Speaks::Newest => builder.enable_all_versions().wrap_connector(route),
        };
        Ok(Self { https })
    }
}

impl Service<Uri> for Dialer {
    type Response = Wire;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Wire, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.https.call(server);
        async move {
            timeout(READY, connecting)
                .await
                .map_err(|_| format!("no connection within {} s", READY.as_secs()))?
        }
        .boxed()
    }
}

impl Route {
    fn new(config: &Config, tls: &Arc<ClientConfig>, reading: Reading) -> Result<Self, UnknownProxy> {
        let sockets = Sockets::new(reading);
        let Some(proxy) = config.proxy_url.clone() else {
            return Ok(Self::Straight(sockets));
        };
        let login = login(&proxy);
        let basic = login.as_ref().and_then(|(user, password)| {
            HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()
        });
        match proxy.scheme_str() {
            Some("http") => Ok(Self::Tunnel(tunnel(proxy, sockets, basic))),
            Some("https") => {
                let https = HttpsConnectorBuilder::new()
                    .with_tls_config(ClientConfig::clone(tls))
                    .https_or_http()
                    .enable_http1()
                    .wrap_connector(sockets);
                Ok(Self::HiddenTunnel(tunnel(proxy, https, basic)))
            }
            Some("socks5" | "socks5h") => {
                let socks = SocksV5::new(proxy, sockets);
                Ok(Self::Socks(match login {
                    Some((user, password)) => socks.with_auth(user, password),
                    None => socks,
                }))
            }
            other => Err(UnknownProxy(other.unwrap_or_default().to_owned())),
        }
    }
}

fn tunnel<C>(proxy: Uri, connector: C, basic: Option<HeaderValue>) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy, connector);
    match basic {
        Some(basic) => tunnel.with_auth(basic),
        None => tunnel,
    }
}

/// The user and the password in a proxy's address, without their escapes.
fn login(proxy: &Uri) -> Option<(String, String)> {
    let (login, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Some((unescaped(user), unescaped(password)))
}

/// Each `%xx` as the byte that it stands for; anything else stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Service<Uri> for Route {
    type Response = MaybeHttpsStream<Socket>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Straight(sockets) => sockets.poll_ready(cx),
            Self::Tunnel(tunnel) => tunnel.poll_ready(cx).map_err(BoxError::from),
            Self::HiddenTunnel(tunnel) => tunnel.poll_ready(cx).map_err(BoxError::from),
            Self::Socks(socks) => socks.poll_ready(cx).map_err(BoxError::from),
        }
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self {
            Self::Straight(sockets) => {
                let connecting = sockets.call(server);
                async { Ok(MaybeHttpsStream::Http(connecting.await?)) }.boxed()
            }
            Self::Tunnel(tunnel) => {
                let connecting = tunnel.call(server);
                async { Ok(MaybeHttpsStream::Http(connecting.await?)) }.boxed()
            }
            Self::HiddenTunnel(tunnel) => tunnel.call(server).map(|tunnel| Ok(tunnel?)).boxed(),
            Self::Socks(socks) => {
                let connecting = socks.call(server);
                async { Ok(MaybeHttpsStream::Http(connecting.await?)) }.boxed()
            }
        }
    }
}

impl Sockets {
    fn new(reading: Reading) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        http.set_keepalive(Some(TCP_KEEPALIVE));
        http.set_keepalive_interval(Some(TCP_KEEPALIVE));
        #[cfg(target_os = "linux")]
        http.set_tcp_user_timeout(Some(TCP_UNANSWERED));
        Self { http, reading }
    }
}

impl Service<Uri> for Sockets {
    type Response = Socket;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Socket, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        ready!(self.http.poll_ready(cx))?;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let connecting = self.http.call(address);
        let reading = self.reading;
        async move {
            let io = connecting.await?;
            Ok(match reading {
                Reading::AtOnce => Socket::plain(io),
                Reading::Gathered(beats) => Socket::gathered(io, beats),
            })
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proxy: &str, expected: Option<(&str, &str)>) {
        let login = login(&proxy.parse().unwrap());
        let login = login
            .as_ref()
            .map(|(user, password)| (user.as_str(), password.as_str()));
        assert_eq!(login, expected, "{proxy}");
    }

    #[test]
    fn a_proxy_may_ask_for_a_login() {
        check("http://proxy:3128", None);
        check("http://me:secret@proxy:3128", Some(("me", "secret")));
        check("socks5://me@proxy", Some(("me", "")));
        check("http://me:pa%40ss%3aword@proxy", Some(("me", "pa@ss:word")));
        check("http://me:%zz%4@proxy", Some(("me", "%zz%4")));
    }
}
