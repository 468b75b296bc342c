//! The layers between a request and a connection: the server's address, the credentials, headers, compression.

use std::sync::Arc;

use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::middleware::{AuthLayer, BaseUriLayer, ExtraHeadersLayer};
use kube::client::{Body, ConfigExt as _};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::super::hold::Hold;
use super::carrier::{CONNECTION_WINDOW, Carrier, Most, PING_ANSWER, PING_EVERY, STREAM_WINDOW};
use super::dial::{Dialer, Reading, Speaks};
use super::gather::Beats;

/// What all clients of a context have in common. Their credentials are refreshed once for all.
pub(super) struct Stack {
    base: BaseUriLayer,
    auth: Option<AuthLayer>,
    headers: ExtraHeadersLayer,
    namespace: String,
    /// Whether the kubeconfig lets answers be compressed.
    compressed: bool,
    plain: Dialer,
    pinged: Dialer,
    logs: Dialer,
    hold: Hold,
}

/// Why it cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum StackError {
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error(transparent)]
    Proxy(#[from] super::dial::UnknownProxy),
}

impl Stack {
    /// Reads certificates and tokens from the disk.
    pub(super) fn new(config: &Config) -> Result<Self, StackError> {
        let tls = Arc::new(config.rustls_client_config()?);
        let dialer = |speaks, reading| Dialer::new(config, &tls, speaks, reading);
        Ok(Self {
            base: config.base_uri_layer(),
            auth: config.auth_layer()?,
            headers: config.extra_headers_layer()?,
            namespace: config.default_namespace.clone(),
            compressed: !config.disable_compression,
            plain: dialer(Speaks::Old, Reading::AtOnce)?,
            pinged: dialer(Speaks::Newest, Reading::AtOnce)?,
            logs: dialer(Speaks::Newest, Reading::Gathered(Beats::start()))?,
            hold: Hold::new(),
        })
    }

    /// What the server wishes of all clients.
    pub(super) fn hold(&self) -> Hold {
        self.hold.clone()
    }

    /// A client for lists, questions and exec sessions.
    pub(super) fn plain(&self) -> Client {
        let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .build(self.plain.clone());
        let service = ServiceBuilder::new()
            .layer(self.hold.clone())
            .layer(&self.base)
            .layer(DecompressionLayer::new().gzip(self.compressed))
            .option_layer(self.auth.as_ref())
            .layer(&self.headers)
            .map_err(BoxError::from)
            .service(client);
        Client::new(service, self.namespace.clone())
    }

    /// A client that prefers HTTP/2 and pings its connections.
    pub(super) fn pinged(&self) -> Client {
        let client: legacy::Client<_, Body> = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_ANSWER)
            .http2_keep_alive_while_idle(true)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .build(self.pinged.clone());
        let service = ServiceBuilder::new()
            .layer(self.hold.clone())
            .layer(&self.base)
            .option_layer(self.auth.as_ref())
            .layer(&self.headers)
            .map_err(BoxError::from)
            .service(client);
        Client::new(service, self.namespace.clone())
    }

    /// A client for the logs that share a connection, and how many of them may.
    pub(super) fn logs(&self) -> (Client, Most) {
        let carrier = Carrier::new(self.logs.clone());
        let most = carrier.most();
        let service = ServiceBuilder::new()
            .layer(self.hold.clone())
            .layer(&self.base)
            .option_layer(self.auth.as_ref())
            .layer(&self.headers)
            .map_err(BoxError::from)
            .service(carrier);
        (Client::new(service, self.namespace.clone()), most)
    }
}
