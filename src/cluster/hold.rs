//! A server's wish to be left alone (`Retry-After` with 429 or 503). It is about the server and not about the one request
//! that was told: every request of the link waits, whoever sends it. A layer of the clients hears the wish in the head
//! of any answer, as kube's errors do not tell of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::StatusCode;
use kube::client::Body;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service};

use super::cause::retry_after;

/// A server cannot wish for more silence than this.
const LONGEST: Duration = Duration::from_mins(10);

/// What the server of a link wished for last.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    made: Instant,
    /// Nanoseconds since then.
    until: Arc<AtomicU64>,
}

/// A client that heeds it.
#[derive(Clone, Debug)]
pub(super) struct Heeding<S> {
    inner: S,
    hold: Hold,
}

impl Hold {
    pub(super) fn new() -> Self {
        Self {
            made: Instant::now(),
            until: Arc::default(),
        }
    }

    /// How long nothing may be asked yet.
    pub(super) fn left(&self) -> Duration {
        Duration::from_nanos(self.until.load(Ordering::Relaxed)).saturating_sub(self.made.elapsed())
    }

    /// Waits until the server may be asked.
    pub(super) async fn over(&self) {
        loop {
            let left = self.left();
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }

    fn hear<B>(&self, answer: &http::Response<B>) {
        if !matches!(
            answer.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            return;
        }
        if let Some(pause) = retry_after(answer.headers()) {
            let until = self.made.elapsed().saturating_add(pause.min(LONGEST));
            let until = u64::try_from(until.as_nanos()).unwrap_or(0);
            self.until.fetch_max(until, Ordering::Relaxed);
        }
    }
}

impl<S> Layer<S> for Hold {
    type Service = Heeding<S>;

    fn layer(&self, inner: S) -> Heeding<S> {
        Heeding {
            inner,
            hold: self.clone(),
        }
    }
}

impl<S, B> Service<http::Request<Body>> for Heeding<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        // Nothing is sent before it is polled.
        let answer = self.inner.call(request);
        let hold = self.hold.clone();
        async move {
            hold.over().await;
            let answer = answer.await?;
            hold.hear(&answer);
            Ok(answer)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::{ServiceExt as _, service_fn};

    use super::*;

    fn check(code: u16, wish: &[(&str, &str)], expected: Duration) {
        let mut answer = http::Response::builder().status(code);
        for (name, value) in wish {
            answer = answer.header(*name, *value);
        }
        let hold = Hold::new();
        hold.hear(&answer.body(()).unwrap());
        assert_eq!(hold.left(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wish_is_heard_in_seconds_and_as_a_date() {
        let secs = Duration::from_secs;
        check(429, &[("retry-after", "7")], secs(7));
        check(503, &[("retry-after", " 32 ")], secs(32));
        check(429, &[], Duration::ZERO);
        check(200, &[("retry-after", "7")], Duration::ZERO);
        check(429, &[("retry-after", "99999999999")], LONGEST);
        check(429, &[("retry-after", "-1")], Duration::ZERO);
        let date = ("date", "Tue, 24 Nov 2026 10:00:00 GMT");
        check(503, &[date, ("retry-after", "Tue, 24 Nov 2026 10:00:09 GMT")], secs(9));
        check(
            503,
            &[date, ("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT")],
            Duration::ZERO,
        );
        check(503, &[("retry-after", "Tue, 24 Nov 2026 10:00:09 GMT")], Duration::ZERO);
    }

    /// Whoever asks: what was told to one client holds for all.
    #[tokio::test(start_paused = true)]
    async fn no_client_of_the_link_asks_before_the_time() {
        let hold = Hold::new();
        let client = |code: u16| {
            hold.layer(service_fn(move |_: http::Request<Body>| {
                let answer = http::Response::builder().status(code).header("retry-after", 5);
                std::future::ready(Ok::<_, Infallible>(answer.body(()).unwrap()))
            }))
        };
        let request = || http::Request::new(Body::empty());
        let begun = Instant::now();
        assert_eq!(client(429).oneshot(request()).await.unwrap().status(), 429);
        assert!(begun.elapsed() < Duration::from_secs(1), "the first one is not held");
        assert_eq!(client(200).oneshot(request()).await.unwrap().status(), 200);
        assert!(begun.elapsed() >= Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
