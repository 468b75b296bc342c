//! One connection for many logs: HTTP/2 with pings where the server has it, a connection for each request where not.
//! Known of it, which a pool of connections would hide: whether it stands, and how many streams the server lets it have
//! (a request beyond them would wait for ever without a word).

#![expect(
    clippy::disallowed_types,
    reason = "the requests of many tasks wait for one connection to be made"
)]

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, Connection, SendRequest};
use hyper_util::client::legacy::connect::Connection as _;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::Body;
use tokio::sync::Mutex;
use tower::{BoxError, Service};

use super::dial::{Dialer, Wire};

pub(super) const PING_EVERY: Duration = Duration::from_secs(10);
pub(super) const PING_ANSWER: Duration = Duration::from_secs(10);
/// What one stream may have sent that was not read yet.
pub(super) const STREAM_WINDOW: u32 = 512 << 10;
/// Far more than all streams of a connection may have: h2 allows small frames to lie unread only up to half of this
/// window (counting their lack to 256 bytes each) and breaks the connection beyond; a log comes one line per frame.
/// An adaptive window begins at 64 KiB, which breaks with the first two hundred lines that wait.
pub(super) const CONNECTION_WINDOW: u32 = 1 << 30;

/// A connection that is made when it is needed and made anew when it broke.
#[derive(Clone)]
pub(super) struct Carrier {
    dialer: Dialer,
    /// For a server without HTTP/2.
    single: Client<Dialer, Body>,
    standing: Arc<Mutex<Standing>>,
    most: Most,
}

/// How often a request is sent again that was not begun: a server that says goodbye each time is broken.
const TRIES: usize = 3;

/// How many streams the connection may have, by the server's word.
#[derive(Clone, Debug)]
pub(super) struct Most(Arc<AtomicUsize>);

enum Standing {
    No,
    Shared(Shared),
    /// The server has no HTTP/2.
    Single,
}

/// It ends with the last answer that comes over it, once nobody can ask for more.
#[derive(Clone)]
struct Shared {
    requests: SendRequest<Body>,
    connection: Driven,
}

/// A connection in the hands of the task that drives it; none once it has ended: a request that still lay there would
/// wait for ever.
type Driven = Arc<std::sync::Mutex<Option<Connection<Wire, Body, TokioExecutor>>>>;

impl Most {
    pub(super) fn unknown() -> Self {
        Self(Arc::new(AtomicUsize::new(usize::MAX)))
    }

    pub(super) fn learn(&self, streams: usize) {
        self.0.store(streams, Ordering::Relaxed);
    }

    pub(super) fn streams(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Carrier {
    pub(super) fn new(dialer: Dialer) -> Self {
        let single = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .build(dialer.clone());
        Self {
            dialer,
            single,
            standing: Arc::new(Mutex::new(Standing::No)),
            most: Most::unknown(),
        }
    }

    pub(super) fn most(&self) -> Most {
        self.most.clone()
    }

    async fn send(mut self, mut request: Request<Body>) -> Result<Response<Incoming>, BoxError> {
        for _ in 0..TRIES {
            let Some(mut shared) = self.stand(request.uri()).await? else {
                return Ok(self.single.request(request).await?);
            };
            match shared.requests.try_send_request(request).await {
                Ok(response) => {
                    // The server's settings have come before its first answer.
                    if let Some(connection) = held(&shared.connection).as_ref() {
                        self.most.learn(connection.current_max_send_streams());
                    }
                    return Ok(response);
                }
                Err(mut refused) => match refused.take_message() {
                    // The server has said goodbye to this connection, and nothing of the request was sent.
                    Some(unsent) if shared.requests.is_closed() => request = unsent,
                    _ => return Err(refused.into_error().into()),
                },
            }
        }
        Err("the server ends each connection before it takes a request".into())
    }

    /// The connection, made first if there is none; nothing if each request has to have its own.
    async fn stand(&mut self, server: &Uri) -> Result<Option<Shared>, BoxError> {
        let mut standing = self.standing.lock().await;
        match &*standing {
            Standing::Single => return Ok(None),
            Standing::Shared(shared) if !shared.requests.is_closed() => return Ok(Some(shared.clone())),
            Standing::Shared(_) | Standing::No => {}
        }
        *standing = Standing::No;
        poll_fn(|cx| self.dialer.poll_ready(cx)).await?;
        let wire = self.dialer.call(server.clone()).await?;
        if !wire.connected().is_negotiated_h2() {
            *standing = Standing::Single;
            return Ok(None);
        }
        let shared = share(wire).await?;
        *standing = Standing::Shared(shared.clone());
        Ok(Some(shared))
    }
}

async fn share(wire: Wire) -> Result<Shared, BoxError> {
    let (requests, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(wire)
        .await?;
    let connection: Driven = Arc::new(std::sync::Mutex::new(Some(connection)));
    hyper::rt::Executor::execute(&TokioExecutor::new(), carry(Arc::clone(&connection)));
    Ok(Shared { requests, connection })
}

/// Drives the connection to its end. What broke it is told to each request and each answer under way.
async fn carry(connection: Driven) {
    poll_fn(|cx| {
        let mut held = held(&connection);
        let Some(driven) = held.as_mut() else {
            return Poll::Ready(());
        };
        let end = driven.poll_unpin(cx).map(drop);
        if end.is_ready() {
            *held = None;
        }
        end
    })
    .await;
}

fn held(connection: &Driven) -> std::sync::MutexGuard<'_, Option<Connection<Wire, Body, TokioExecutor>>> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service<Request<Body>> for Carrier {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.clone().send(request).boxed()
    }
}
