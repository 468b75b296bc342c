//! Reads one container instance's log to its end: asks, waits, resumes, and tells what was and was not read.
//!
//! An end of the response says nothing about the container: the kubelet's death looks the same. What became of the
//! instance is its fate, which the pod watch tells; the end of its log is read when the fate says that it ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::ask::{Answer, Asked, Identity, ask, identity};
use super::instance::{Fate, Place};
use super::news::{StreamNews, Teller};
use super::reader::{Missing, Reader, Step};
use super::request::{Follows, From, LogRequest};
use super::told::Told;
use super::wait::{Clocks, ceil_secs, fate_changed, sleep_until_some, span};
use crate::cluster::backoff::Backoff;
use crate::cluster::cause::{Failure, FailureKind, short};
use crate::cluster::connect::{Link, PING_BLINDNESS, Seat};
use crate::cluster::feed::Line as ToCluster;
use crate::cluster::outlet::Outlet;
use crate::model::{Gap, GapCause, Source, StreamState, Time};

/// Without the pings of HTTP/2 a silence of this length may be a dead link: ask again, which costs nothing.
const SILENCE: Duration = Duration::from_secs(90);
/// How long a followed log may go on after its container ended.
const LAST_CALL: Duration = Duration::from_secs(5);
/// How long the pod watch may lag behind the log.
const WATCH_LAG: Duration = Duration::from_secs(1);
/// A resume re-reads its last line at once; without it nothing is known to be covered before now.
const SETTLE: Duration = Duration::from_secs(2);
/// A resume that takes longer than this was no blink.
const BLINK: Duration = Duration::from_secs(3);
const HEALTHY: Duration = Duration::from_secs(30);
/// Rights may be granted later.
const DENIED_PAUSE: Duration = Duration::from_mins(1);
const BATCH: usize = 512;
/// Until somebody logs in.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// The following of one source.
pub(in crate::cluster) struct Follow {
    pub(in crate::cluster) source: Source,
    /// The runtime's id of the instance.
    pub(in crate::cluster) instance: Arc<str>,
    /// Nothing older is asked for.
    pub(in crate::cluster) bound: Time,
    pub(in crate::cluster) tail: Option<i64>,
    /// What is known to be missing before it.
    pub(in crate::cluster) gap: Option<Gap>,
    pub(in crate::cluster) fate: watch::Receiver<Fate>,
    pub(in crate::cluster) line: ToCluster,
    pub(in crate::cluster) slots: Arc<Semaphore>,
    pub(in crate::cluster) most_streams: usize,
    pub(in crate::cluster) outlet: Outlet,
    pub(in crate::cluster) news: mpsc::Sender<StreamNews>,
}

/// The following under way.
struct Run {
    follow: Follow,
    reader: Reader,
    /// Whether the server ever answered with this log.
    was_open: bool,
    told: Told,
    teller: Teller,
    backoff: Backoff,
}

/// How one request came to its end.
enum Pass {
    /// The response ended; the server may have added its complaint.
    Over { complaint: Option<String> },
    /// The connection broke.
    Broke(Failure),
    /// Silence that may be death.
    Silent,
    /// The container has ended and its followed log has not.
    LastCall,
    /// It is another instance's log by now.
    Replaced,
    /// The container has not started: nothing to read yet.
    NotYet(Arc<str>),
    /// The server said no.
    Refused { failure: Failure, generation: u64 },
}

/// Whether there is more to do.
enum Next {
    Again,
    Done,
}

impl Follow {
    /// Runs until the instance's log is read, or until it is dropped.
    pub(in crate::cluster) async fn run(self) {
        let told = Told::new(self.source.id, self.outlet.clone());
        let teller = Teller::new(&self.source, self.news.clone());
        let (reader, backoff) = (Reader::default(), Backoff::of_stream());
        let run = Run {
            follow: self,
            reader,
            was_open: false,
            told,
            teller,
            backoff,
        };
        run.run().await;
    }
}

impl Run {
    async fn run(mut self) {
        self.announce().await;
        let Some(_slot) = self.slot().await else {
            return self.gone().await;
        };
        loop {
            let fate = *self.follow.fate.borrow_and_update();
            let next = match fate {
                Fate::Running => self.read(Place::Current, Follows::Yes).await,
                Fate::Ended { place, .. } => self.read(place, Follows::No).await,
                Fate::Overtaken => return self.overtaken().await,
                Fate::Gone => return self.gone().await,
            };
            if matches!(next, Next::Done) {
                return;
            }
        }
    }

    async fn announce(&mut self) {
        self.told.opened(self.follow.source.clone()).await;
        if let Some(gap) = self.follow.gap.take() {
            self.told.gap(gap).await;
        }
    }

    /// A place among the streams that may be open at a time; nothing if the pod went before there was one.
    async fn slot(&mut self) -> Option<OwnedSemaphorePermit> {
        let slots = Arc::clone(&self.follow.slots);
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            return Some(slot);
        }
        let cap = format!("at most {} log streams per cluster", self.follow.most_streams);
        self.told.state(StreamState::NotFollowed { cap: cap.into() }).await;
        loop {
            tokio::select! {
                slot = Arc::clone(&slots).acquire_owned() => return slot.ok(),
                () = fate_changed(&mut self.follow.fate) => {
                    if *self.follow.fate.borrow() == Fate::Gone {
                        return None;
                    }
                }
            }
        }
    }

    /// One request and what follows from its end.
    async fn read(&mut self, place: Place, follows: Follows) -> Next {
        if self.told.is_new() {
            self.told.state(StreamState::Opening).await;
        }
        let begun = Instant::now();
        let pass = self.pass(place, follows).await;
        if begun.elapsed() > HEALTHY {
            self.backoff.reset();
        }
        match pass {
            Pass::Over { complaint: None } if follows == Follows::No => self.finish().await,
            Pass::Over {
                complaint: Some(complaint),
            } if follows == Follows::No => self.unreadable(&short(&complaint)).await,
            Pass::Over {
                complaint: Some(complaint),
            } => self.broke(Failure::broken(short(&complaint)), self.now()).await,
            Pass::Over { complaint: None } => self.over().await,
            Pass::Silent => self.silent(),
            Pass::LastCall => Next::Again,
            Pass::Replaced => self.wait(WATCH_LAG * 5).await,
            Pass::Broke(failure) => self.broke(failure, self.heard(PING_BLINDNESS)).await,
            Pass::NotYet(reason) => self.not_yet(reason).await,
            Pass::Refused { failure, generation } => self.refused(failure, generation, follows).await,
        }
    }

    /// The response ended and the container is said to run: the watch may lag behind. Then it is resumed.
    async fn over(&mut self) -> Next {
        let now = self.now();
        self.told.stopped(now);
        let pause = self.backoff.next(fastrand::f64()).max(WATCH_LAG);
        self.wait(pause).await
    }

    /// Nothing came for long; if the link is dead, it may have been so all the while.
    fn silent(&mut self) -> Next {
        let heard = self.heard(SILENCE);
        self.told.stopped(heard);
        Next::Again
    }

    /// The connection broke. A first resume is tried at once and without a word; after that it is told.
    async fn broke(&mut self, failure: Failure, heard: Time) -> Next {
        let broke_at = self.told.stopped(heard);
        if self.backoff.attempt() == 0 && self.was_open && !failure.is(FailureKind::Dead) {
            self.backoff.next(1.0);
            return Next::Again;
        }
        self.told.uncover(broke_at).await;
        let pause = self
            .backoff
            .next(fastrand::f64())
            .max(failure.retry_after.unwrap_or_default());
        let next = self.now() + span(pause);
        let state = if failure.is(FailureKind::Throttled) {
            StreamState::Throttled { until: next }
        } else {
            StreamState::Reconnecting {
                attempt: self.backoff.attempt(),
                cause: failure.cause,
                next,
            }
        };
        self.told.state(state).await;
        self.wait(pause).await
    }

    async fn not_yet(&mut self, reason: Arc<str>) -> Next {
        self.told.state(StreamState::Waiting { reason }).await;
        let pause = self.backoff.next(fastrand::f64()).max(WATCH_LAG);
        self.wait(pause).await
    }

    async fn refused(&mut self, failure: Failure, generation: u64, follows: Follows) -> Next {
        match failure.kind {
            FailureKind::Unauthorized | FailureKind::Forbidden => self.denied(failure, generation).await,
            FailureKind::BadRequest if follows == Follows::No => self.unreadable(&failure.cause).await,
            FailureKind::BadRequest => self.not_yet(failure.cause).await,
            // The pod has gone, and the watch will say so, or the kubelet does not know it yet.
            FailureKind::NotFound
            | FailureKind::Expired
            | FailureKind::Throttled
            | FailureKind::Dead
            | FailureKind::Broken => self.broke(failure, self.now()).await,
        }
    }

    async fn denied(&mut self, failure: Failure, generation: u64) -> Next {
        self.told.uncover(self.now()).await;
        let cause = Arc::clone(&failure.cause);
        self.told.state(StreamState::Denied { cause }).await;
        self.teller.denied(&failure, generation).await;
        let unauthorized = failure.is(FailureKind::Unauthorized);
        self.wait(if unauthorized { FOR_EVER } else { DENIED_PAUSE }).await
    }

    /// Waits, unless there is news of the instance or the cluster, or the user wants it now.
    async fn wait(&mut self, pause: Duration) -> Next {
        tokio::select! {
            () = self.follow.line.pause(pause) => {}
            () = fate_changed(&mut self.follow.fate) => {}
        }
        Next::Again
    }

    /// Everything that the instance wrote was read.
    async fn finish(&mut self) -> Next {
        let at = self.ended_at();
        if self.reader.high().is_none() {
            // It wrote nothing at all.
            self.told.cover(self.covered_from().min(at)).await;
        }
        self.end(at, StreamState::Ended).await;
        Next::Done
    }

    /// The instance ended and the server cannot give its log, or not to the end.
    async fn unreadable(&mut self, words: &str) -> Next {
        let at = self.ended_at();
        let from = self.reader.high().unwrap_or_else(|| self.covered_from());
        self.told.uncover(self.told.stopped_at().unwrap_or(from)).await;
        self.told
            .gap(Gap {
                from,
                to: at.max(from),
                cause: GapCause::Unreadable(words.into()),
            })
            .await;
        self.end(at, StreamState::Ended).await;
        Next::Done
    }

    async fn overtaken(mut self) {
        let from = self.reader.high().unwrap_or_else(|| self.covered_from());
        let now = self.now();
        self.told.uncover(self.told.stopped_at().unwrap_or(from)).await;
        self.told
            .gap(Gap {
                from,
                to: now.max(from),
                cause: GapCause::Restarted(2),
            })
            .await;
        self.end(now, StreamState::Ended).await;
    }

    async fn gone(mut self) {
        self.end(self.now(), StreamState::Gone).await;
    }

    async fn end(&mut self, at: Time, state: StreamState) {
        self.told.lines(self.reader.last_words().into_iter().collect()).await;
        self.told.uncover(at).await;
        self.told.ended(at).await;
        self.told.state(state).await;
        self.teller.ended().await;
    }

    fn ended_at(&self) -> Time {
        match *self.follow.fate.borrow() {
            Fate::Ended { at, .. } => self.reader.high().map_or(at, |high| high.max(at)),
            Fate::Running | Fate::Overtaken | Fate::Gone => self.now(),
        }
    }

    /// One request, read to its end.
    async fn pass(&mut self, place: Place, follows: Follows) -> Pass {
        let link = self.follow.line.link().await;
        let asked = Asked {
            place,
            follows,
            opened: self.now(),
        };
        // A resume that is kept silent about has to be quick about it.
        let patience = if self.told.is_live() && self.told.stopped_at().is_some() {
            BLINK
        } else {
            FOR_EVER
        };
        let (seat, response) = match timeout(patience, self.open(&link, asked)).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(pass)) => return pass,
            Err(_) => return Pass::Broke(Failure::no_answer(BLINK)),
        };
        let pass = self.stream(&link, asked, response).await;
        if matches!(pass, Pass::Broke(_)) {
            seat.broke();
        }
        pass
    }

    /// A seat on a connection and a good answer.
    async fn open(&self, link: &Arc<Link>, asked: Asked) -> Result<(Seat, http::Response<Body>), Pass> {
        let generation = link.generation;
        let seat = Arc::clone(link).seat().await;
        let seat = seat.map_err(|failure| refusal(failure, generation))?;
        match ask(link, &seat.client, self.request(asked)).await {
            Ok(Answer::Log(response)) => Ok((seat, response)),
            Ok(Answer::Unscheduled) => Err(Pass::NotYet("not scheduled".into())),
            Ok(Answer::Refused(failure)) => Err(refusal(failure, generation)),
            Err(failure) => {
                seat.broke();
                Err(Pass::Broke(failure))
            }
        }
    }

    fn request(&self, asked: Asked) -> LogRequest<'_> {
        let target = &self.follow.source.target;
        let from = match self.reader.resume_secs() {
            Some(second) => From::Second(second),
            None => From::Ago {
                secs: ceil_secs(asked.opened.since(self.follow.bound)),
                tail: self.follow.tail,
            },
        };
        LogRequest {
            namespace: &target.pod.namespace,
            pod: &target.pod.name,
            container: &target.container,
            place: asked.place,
            follow: asked.follows,
            from,
        }
    }

    /// Reads a good response.
    async fn stream(&mut self, link: &Link, asked: Asked, response: http::Response<Body>) -> Pass {
        let pinged = response.version() == http::Version::HTTP_2;
        let mut frames = std::pin::pin!(response.into_body().into_data_stream());
        self.reader.connected(self.was_open);
        self.opened(asked).await;
        let unsettled = self.told.is_unsettled();
        let mut clocks = Clocks {
            settle: (unsettled && asked.follows == Follows::Yes).then(|| Instant::now() + SETTLE),
            silence: (!pinged).then(|| Instant::now() + SILENCE),
            last_call: None,
        };
        loop {
            tokio::select! {
                biased;
                frame = frames.next() => match frame {
                    Some(Ok(bytes)) => {
                        clocks.silence = (!pinged).then(|| Instant::now() + SILENCE);
                        self.reader.feed(bytes);
                        if let Some(pass) = self.drain(link, asked, &mut frames).await {
                            return pass;
                        }
                    }
                    Some(Err(error)) => return self.cut(Pass::Broke(Failure::of(&error))).await,
                    None => return self.cut(Pass::Over { complaint: None }).await,
                },
                () = sleep_until_some(clocks.next()) => {
                    let now = Instant::now();
                    if clocks.settle.take_if(|at| *at <= now).is_some() {
                        // A log that never had a line has none to miss; else its last line should have come again.
                        let nothing = self.reader.high().is_none();
                        self.told.cover(if nothing { self.covered_from().min(asked.opened) } else { asked.opened }).await;
                    }
                    if clocks.silence.is_some_and(|at| at <= now) {
                        return self.cut(Pass::Silent).await;
                    }
                    if clocks.last_call.is_some_and(|at| at <= now) {
                        let now = self.now();
                        self.told.stopped(now);
                        return self.cut(Pass::LastCall).await;
                    }
                }
                () = fate_changed(&mut self.follow.fate), if clocks.last_call.is_none() => {
                    clocks.last_call = Some(Instant::now() + LAST_CALL);
                }
            }
        }
    }

    /// A good answer has begun.
    async fn opened(&mut self, asked: Asked) {
        self.teller.opened().await;
        // With a limit of lines only the first of them says from when on all are there. What has ended may turn out
        // to be unreadable.
        if self.reader.is_settled() && self.follow.tail.is_none() && asked.follows == Follows::Yes {
            self.told.cover(self.covered_from().min(asked.opened)).await;
        }
        self.was_open = true;
        self.told.state(StreamState::Live).await;
    }

    /// Sends what has come, in batches, as long as more is there at once.
    async fn drain(
        &mut self,
        link: &Link,
        asked: Asked,
        frames: &mut (impl Stream<Item = Frame> + Unpin),
    ) -> Option<Pass> {
        let mut lines = Vec::new();
        loop {
            let high = self.reader.high();
            let step = self.reader.read(&mut lines, BATCH);
            if self.told.is_unsettled() {
                self.settle(high, lines.first().map(|line| line.time)).await;
            }
            match step {
                Step::Full => self.told.lines(std::mem::take(&mut lines)).await,
                Step::Drained => match frames.next().now_or_never() {
                    Some(Some(Ok(bytes))) => self.reader.feed(bytes),
                    end => {
                        self.told.lines(lines).await;
                        return match end {
                            None | Some(Some(Ok(_))) => None,
                            Some(None) => Some(self.cut(Pass::Over { complaint: None }).await),
                            Some(Some(Err(error))) => Some(self.cut(Pass::Broke(Failure::of(&error))).await),
                        };
                    }
                },
                Step::Doubtful => {
                    if !self.is_ours(link, asked.place).await {
                        self.told.lines(lines).await;
                        self.told.uncover(self.told.stopped_at().unwrap_or(asked.opened)).await;
                        return Some(Pass::Replaced);
                    }
                    let missing = self.reader.trust();
                    self.rotated(missing).await;
                }
            }
        }
    }

    /// The resume is known to go on where the last response ended, at `high`, or the first lines are there.
    async fn settle(&mut self, high: Option<Time>, first: Option<Time>) {
        if !self.reader.is_settled() {
            return;
        }
        let first = if self.follow.tail.is_some() {
            first
        } else {
            first.map(|_| self.covered_from())
        };
        if let Some(from) = high.or(first) {
            self.told.cover(from).await;
        }
    }

    /// What lay between was in a file that the kubelet has put away.
    async fn rotated(&mut self, missing: Option<Missing>) {
        let Some(Missing { from, to }) = missing else { return };
        self.told.uncover(from).await;
        self.told
            .gap(Gap {
                from,
                to,
                cause: GapCause::Rotated,
            })
            .await;
        self.told.cover(to).await;
    }

    /// The response is over: what it left half.
    async fn cut(&mut self, pass: Pass) -> Pass {
        let mut lines = Vec::new();
        let said = self.reader.ended(&mut lines);
        self.told.lines(lines).await;
        match pass {
            Pass::Over { .. } => Pass::Over { complaint: said },
            other => other,
        }
    }

    /// Whether the log served at `place` is this instance's still.
    async fn is_ours(&mut self, link: &Link, place: Place) -> bool {
        match identity(link, &self.follow.source.target, &self.follow.instance, place).await {
            Identity::Ours => true,
            Identity::Another => false,
            // The watch has the word, if it has one.
            Identity::Unknown => tokio::select! {
                () = fate_changed(&mut self.follow.fate) => false,
                () = sleep(WATCH_LAG * 2) => true,
            },
        }
    }

    /// The earliest line that can be expected.
    fn covered_from(&self) -> Time {
        self.follow.source.started.unwrap_or(Time::MIN).max(self.follow.bound)
    }

    /// Up to when lines are known to have come over a link that may have been dead for as long as `blindness`.
    fn heard(&self, blindness: Duration) -> Time {
        let least = self.now() - span(blindness);
        self.reader.high().map_or(least, |high| high.max(least))
    }

    fn now(&self) -> Time {
        self.follow.outlet.now()
    }
}

type Frame = Result<Bytes, kube::Error>;

fn refusal(failure: Failure, generation: u64) -> Pass {
    match failure.kind {
        FailureKind::Dead | FailureKind::Broken => Pass::Broke(failure),
        FailureKind::BadRequest if failure.cause.contains("is waiting to start") => {
            let reason = failure.cause.rsplit_once(": ").map(|(_, reason)| reason.into());
            Pass::NotYet(reason.unwrap_or(failure.cause))
        }
        FailureKind::Unauthorized
        | FailureKind::Forbidden
        | FailureKind::NotFound
        | FailureKind::BadRequest
        | FailureKind::Expired
        | FailureKind::Throttled => Pass::Refused { failure, generation },
    }
}
