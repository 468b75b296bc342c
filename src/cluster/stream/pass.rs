//! One request for a log, from the asking to the end of its answer: what comes is read and told at once. Nothing here
//! waits for whoever is told, so that we are never the slow reader whom the kubelet leaves behind.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::ask::{Answer, Asked, Identity, ask, identity, newest};
use super::instance::{Fate, Place};
use super::news::{StreamNews, Teller};
use super::question::{Question, Said};
use super::reader::{Missing, Reader, Step};
use super::request::{Follows, From, LogRequest};
use super::told::Told;
use super::vigil::{Due, Newest, Silence, Vigil};
use super::wait::{Clocks, ceil_secs, fate_changed, sleep_until_some, span};
use crate::cluster::backoff::Backoff;
use crate::cluster::cause::{Failure, FailureKind};
use crate::cluster::connect::{Link, Seat};
use crate::cluster::feed::Line as ToCluster;
use crate::cluster::memory::Memory;
use crate::cluster::outlet::Outlet;
use crate::cluster::skew::date_of;
use crate::cluster::slots::{Lane, Polling, Slot};
use crate::model::{Gap, GapCause, Line, Source, StreamState, Time};

/// Without the pings of HTTP/2 a silence of this length may be a dead link: ask again, which costs nothing.
pub(super) const SILENCE: Duration = Duration::from_secs(90);
/// How long a log may be silent and not end after its container ended: it can be asked for anew, as long as it is there.
const LAST_CALL: Duration = Duration::from_secs(2);
/// The same for one whose pod is gone: it cannot be asked for any more, and this answer alone still has its end.
const LAST_WORDS: Duration = Duration::from_secs(20);
/// How long the pod watch may lag behind the log.
pub(super) const WATCH_LAG: Duration = Duration::from_secs(1);
/// A resume re-reads its last line at once; without it nothing is known to be covered before now.
const SETTLE: Duration = Duration::from_secs(2);
/// A resume that takes longer than this was no blink.
const BLINK: Duration = Duration::from_secs(3);
const BATCH: usize = 512;
/// Until somebody logs in.
pub(super) const FOR_EVER: Duration = Duration::from_hours(24 * 365);
/// Lines that were dropped are told when no more have been for so long.
const DROPPED_PAUSE: Duration = Duration::from_secs(1);

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
    pub(in crate::cluster) lane: Lane,
    pub(in crate::cluster) memory: Arc<Memory>,
    pub(in crate::cluster) outlet: Outlet,
    pub(in crate::cluster) news: mpsc::Sender<StreamNews>,
}

/// The following under way.
pub(super) struct Run {
    pub(super) follow: Follow,
    pub(super) reader: Reader,
    /// Whether the server ever answered with this log.
    pub(super) was_open: bool,
    pub(super) told: Told,
    pub(super) teller: Teller,
    pub(super) backoff: Backoff,
    /// Its place among the followed.
    pub(super) slot: Option<Slot>,
    /// Its place among the polled.
    pub(super) polling: Option<Polling>,
    /// When the log was asked for last, by the clock that stamps it.
    pub(super) asked: Time,
    pub(super) tail: Tail,
    /// Whether the end of the last answer may be taken for the end of the log: it was not silent before.
    pub(super) is_sure: bool,
    /// When the tail became `Over`.
    pub(super) over_since: Instant,
    /// A line of the log that did not come though it was asked for anew because of it.
    pub(super) vain: Option<Line>,
}

/// Whether all that there is of the log was read, as far as can be known. It matters when it cannot be asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// Not, or nobody can tell.
    Open,
    /// An answer ended as one does whose container has ended, and nobody has asked again.
    Over,
    /// It was asked for again, and there was nothing more; or it ended with the pod, right after its last line.
    Read,
}

/// How one request came to its end.
pub(super) enum Pass {
    /// The response ended; the server may have added its complaint.
    Over { complaint: Option<String> },
    /// The connection broke.
    Broke(Failure),
    /// Silence that may be death.
    Silent,
    /// The log has gone on and the answer has not: a kubelet that was rotated during the backlog does that.
    Stalled(Line),
    /// The node's clock was set back: the answer lacks what was stamped before the time that was asked for.
    SetBack,
    /// The container has ended and its followed log has not.
    LastCall,
    /// The instance's fate changed before there was an answer.
    Outdated,
    /// It is another instance's log by now.
    Replaced,
    /// The container has not started: nothing to read yet.
    NotYet(Arc<str>),
    /// The server said no.
    Refused { failure: Failure, generation: u64 },
}

impl Run {
    /// One request, read to its end.
    pub(super) async fn pass(&mut self, place: Place, follows: Follows) -> Pass {
        let link = self.follow.line.link().await;
        let asked = Asked {
            place,
            follows,
            opened: self.follow.outlet.now(),
        };
        self.asked = self.there(asked.opened);
        // A resume that is kept silent about has to be quick about it.
        let patience = if self.told.is_live() && self.told.stopped_at().is_some() {
            BLINK
        } else {
            FOR_EVER
        };
        let mut fate = self.follow.fate.clone();
        let opened = tokio::select! {
            opened = timeout(patience, self.open(&link, asked)) => opened,
            // Others are asked before, and meanwhile the log is gone, or elsewhere.
            () = fate_changed(&mut fate) => return Pass::Outdated,
        };
        let (seat, response) = match opened {
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
        let seat = match asked.follows {
            Follows::Yes => link.seat().await,
            Follows::No | Follows::Later => link.brief_seat().await,
        };
        let seat = seat.map_err(|failure| refusal(failure, generation))?;
        let began = self.follow.outlet.now();
        match ask(link, &seat.client, self.request(asked)).await {
            Ok(Answer::Log(response)) => {
                self.witness(&response, began);
                Ok((seat, response))
            }
            Ok(Answer::Unscheduled) => Err(Pass::NotYet("not scheduled".into())),
            Ok(Answer::Refused(failure)) => Err(refusal(failure, generation)),
            Err(failure) => {
                seat.broke();
                Err(Pass::Broke(failure))
            }
        }
    }

    /// The answer tells the server's time.
    fn witness(&self, response: &http::Response<Body>, asked: Time) {
        let outlet = &self.follow.outlet;
        let date = date_of(response.headers());
        let ahead = date.and_then(|date| outlet.skew.date(date, asked, outlet.now()));
        outlet.skewed(self.follow.source.id.context, ahead);
    }

    fn request(&self, asked: Asked) -> LogRequest<'_> {
        let target = &self.follow.source.target;
        let from = match self.reader.resume_secs() {
            Some(_) if self.reader.wants_all() => From::Ago {
                secs: ceil_secs(asked.opened.since(self.follow.bound)),
                tail: None,
            },
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
    async fn stream(&mut self, link: &Arc<Link>, asked: Asked, response: http::Response<Body>) -> Pass {
        let pinged = response.version() == http::Version::HTTP_2;
        let mut frames = std::pin::pin!(response.into_body().into_data_stream());
        self.reader.connected(self.was_open);
        self.is_sure = true;
        self.opened(asked).await;
        let unsettled = self.told.is_unsettled();
        let begun = Instant::now();
        let mut vigil = Vigil::new(begun);
        let mut question = Question::None;
        let mut patience = LAST_CALL;
        let mut clocks = Clocks {
            settle: (unsettled && asked.follows == Follows::Yes).then(|| begun + SETTLE),
            silence: (!pinged).then(|| begun + SILENCE),
            last_call: None,
            vigil: (asked.follows == Follows::Yes).then(|| vigil.due()),
            dropped: None,
        };
        loop {
            tokio::select! {
                biased;
                frame = frames.next() => match frame {
                    // It only carries the end.
                    Some(Ok(bytes)) if bytes.is_empty() => {}
                    Some(Ok(bytes)) => {
                        let now = Instant::now();
                        clocks.silence = (!pinged).then(|| now + SILENCE);
                        vigil.heard(now);
                        clocks.last_call = clocks.last_call.map(|_| now + patience);
                        if question.is_needless() {
                            clocks.vigil = Some(vigil.due());
                        }
                        if self.told.is_quiet() {
                            self.told.state(StreamState::Live).await;
                        }
                        self.reader.feed(bytes);
                        if let Some(pass) = self.drain(link, asked, &mut frames).await {
                            return pass;
                        }
                        clocks.dropped = self.told.is_dropping().then(|| now + DROPPED_PAUSE);
                    }
                    Some(Err(error)) => return self.cut(Pass::Broke(Failure::of(&error))),
                    None => {
                        self.is_sure = vigil.is_sure(Instant::now());
                        return self.cut(Pass::Over { complaint: None });
                    }
                },
                () = sleep_until_some(clocks.next()) => {
                    let now = Instant::now();
                    if clocks.settle.take_if(|at| *at <= now).is_some() {
                        // A log that never had a line has none to miss; else its last line should have come again.
                        let nothing = self.reader.high().is_none();
                        let opened = self.there(asked.opened);
                        self.told.cover(if nothing { self.covered_from().min(opened) } else { opened });
                    }
                    if clocks.dropped.take_if(|at| *at <= now).is_some() {
                        self.told.tell_dropped();
                    }
                    if clocks.vigil.is_some_and(|at| at <= now) {
                        match vigil.strike(now, |line| self.reader.knows(line)) {
                            Due::Nothing => {}
                            Due::Stalled(missed) => return self.cut(Pass::Stalled(missed)),
                            Due::Probe { by, patience } => {
                                self.reader.rest();
                                question.wants_turn(|| self.follow.lane.wishes.turn(by, patience));
                            }
                        }
                        clocks.vigil = Some(vigil.due());
                    }
                    if clocks.silence.is_some_and(|at| at <= now) {
                        return self.cut(Pass::Silent);
                    }
                    if clocks.last_call.is_some_and(|at| at <= now) {
                        let now = self.now();
                        self.told.stopped(now);
                        return self.cut(Pass::LastCall);
                    }
                }
                said = question.next() => match said {
                    Said::Turn => question = Question::Asked(self.probe(link)),
                    Said::Newest(newest) => {
                        question = Question::None;
                        let silence = vigil.answered(Instant::now(), |line| self.knows(line), newest);
                        clocks.vigil = Some(vigil.due());
                        if silence == Silence::Quiet && !self.told.is_quiet() {
                            let since = self.follow.outlet.now();
                            self.told.state(StreamState::Quiet { since }).await;
                        }
                    }
                },
                () = fate_changed(&mut self.follow.fate) => {
                    let is_gone = *self.follow.fate.borrow() == Fate::Gone;
                    patience = if is_gone { LAST_WORDS } else { LAST_CALL };
                    clocks.last_call = Some(Instant::now() + patience);
                }
            }
        }
    }

    /// Whether a line has come, or did not come when the log was asked for anew because of it: the last piece of a
    /// long line looks like one, and never comes by itself.
    fn knows(&self, line: &Line) -> bool {
        self.reader.knows(line) || self.vain.as_ref() == Some(line)
    }

    /// Asks for the last line there is.
    fn probe(&self, link: &Arc<Link>) -> BoxFuture<'static, Newest> {
        let target = &self.follow.source.target;
        let request = LogRequest {
            namespace: &target.pod.namespace,
            pod: &target.pod.name,
            container: &target.container,
            place: Place::Current,
            follow: Follows::No,
            from: From::Last,
        };
        newest(Arc::clone(link), request.uri()).boxed()
    }

    /// A good answer has begun.
    async fn opened(&mut self, asked: Asked) {
        self.teller.opened().await;
        // With a limit of lines only the first of them says from when on all are there. What has ended may turn out
        // to be unreadable.
        if self.reader.is_settled() && self.follow.tail.is_none() && asked.follows == Follows::Yes {
            self.told.cover(self.covered_from().min(self.there(asked.opened)));
        }
        self.was_open = true;
        if asked.follows != Follows::Later {
            self.told.state(StreamState::Live).await;
        }
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
            self.tell_oddities(&mut lines).await;
            if self.told.is_unsettled() {
                self.settle(high, lines.first().map(|line| line.time));
            }
            match step {
                Step::Full => self.told.lines(std::mem::take(&mut lines)),
                Step::Drained => match frames.next().now_or_never() {
                    Some(Some(Ok(bytes))) => self.reader.feed(bytes),
                    end => {
                        self.told.lines(lines);
                        return match end {
                            None | Some(Some(Ok(_))) => None,
                            Some(None) => Some(self.cut(Pass::Over { complaint: None })),
                            Some(Some(Err(error))) => Some(self.cut(Pass::Broke(Failure::of(&error)))),
                        };
                    }
                },
                Step::SetBack => {
                    self.told.lines(lines);
                    return Some(self.cut(Pass::SetBack));
                }
                Step::Doubtful => {
                    if !self.is_ours(link, asked.place).await {
                        self.told.lines(lines);
                        let opened = self.there(asked.opened);
                        self.told.uncover(self.told.stopped_at().unwrap_or(opened));
                        return Some(Pass::Replaced);
                    }
                    let missing = self.reader.trust();
                    self.rotated(missing);
                }
            }
        }
    }

    /// What the kubelet skipped, and that lines may come twice.
    async fn tell_oddities(&mut self, lines: &mut Vec<Line>) {
        if self.reader.repeats_anew() {
            self.told.repeats(&self.follow.source.target).await;
        }
        for Missing { from, to } in self.reader.skipped() {
            self.told.lines(std::mem::take(lines));
            let from = from.max(self.covered_from());
            self.rotated(Some(Missing { from, to: to.max(from) }));
        }
    }

    /// The resume is known to go on where the last response ended, at `high`, or the first lines are there.
    fn settle(&mut self, high: Option<Time>, first: Option<Time>) {
        if !self.reader.is_settled() {
            return;
        }
        let first = if self.follow.tail.is_some() {
            first
        } else {
            first.map(|_| self.covered_from())
        };
        if let Some(from) = high.or(first) {
            self.told.cover(from);
        }
    }

    /// What lay between was in a file that the kubelet has put away.
    fn rotated(&mut self, missing: Option<Missing>) {
        let Some(Missing { from, to }) = missing else { return };
        self.told.uncover(from);
        self.told.gap(Gap {
            from,
            to,
            cause: GapCause::Rotated,
        });
        self.told.cover(to);
    }

    /// The response is over: what it left half.
    fn cut(&mut self, pass: Pass) -> Pass {
        let mut lines = Vec::new();
        let said = self.reader.ended(&mut lines);
        self.told.lines(lines);
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
    pub(super) fn covered_from(&self) -> Time {
        self.follow
            .source
            .started
            .unwrap_or(Time::MIN)
            .max(self.there(self.follow.bound))
    }

    /// Up to when lines are known to have come over a link that may have been dead for as long as `blindness`.
    pub(super) fn heard(&self, blindness: Duration) -> Time {
        let least = self.now() - span(blindness);
        self.reader.high().map_or(least, |high| high.max(least))
    }

    /// Now, by the clock that stamps the lines: what is told of the log is told in its time.
    pub(super) fn now(&self) -> Time {
        self.there(self.follow.outlet.now())
    }

    /// A time of our clock by that of the cluster.
    fn there(&self, time: Time) -> Time {
        time + self.follow.outlet.skew.correction()
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
