//! The log streams: what each of them reads, in which state it is since when, and how many are in which.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::logs::Scope;
use crate::model::{ContextId, Source, SourceId, StreamState, Target, Time};

/// Streams that are over and still told of; with containers that come and go there is no end of them.
const MOST_OVER: usize = 1_000;

/// One log stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    pub id: SourceId,
    /// What it reads, once that was said.
    pub source: Option<Arc<Source>>,
    pub state: StreamState,
    /// When it was first said to be in a state of this kind.
    pub since: Time,
}

/// All log streams of this run that are not over, and the last of those that are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    all: BTreeMap<SourceId, Stream>,
    /// The newest instance of each container.
    newest: BTreeMap<Target, SourceId>,
    /// Those that are over, in the order in which they ended.
    over: VecDeque<SourceId>,
}

/// How many streams are in which state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamCensus {
    pub live: usize,
    /// Open, and known to have nothing newer.
    pub quiet: usize,
    /// Open, and known to keep something back.
    pub stalled: usize,
    /// Not followed: asked for news now and then.
    pub polled: usize,
    pub opening: usize,
    pub waiting: usize,
    pub reconnecting: usize,
    pub denied: usize,
    pub throttled: usize,
    pub not_followed: usize,
    /// Why one that waits does so.
    pub waiting_for: Option<Arc<str>>,
    /// Why one is denied.
    pub refusal: Option<Arc<str>>,
    /// Why one is not followed or only polled.
    pub cap: Option<Arc<str>>,
}

impl Streams {
    /// Takes a new stream in.
    pub fn open(&mut self, source: Source, now: Time) -> bool {
        let id = source.id;
        let former = self.newest.insert(source.target.clone(), id);
        if let Some(former) = former.filter(|former| *former != id)
            && self.get(former).is_some_and(Stream::is_over)
        {
            // Its successor tells how often there was a restart.
            self.all.remove(&former);
        }
        let state = self.all.get(&id).map(|known| (known.state.clone(), known.since));
        let (state, since) = state.unwrap_or((StreamState::Opening, now));
        let stream = Stream {
            id,
            source: Some(Arc::new(source)),
            state,
            since,
        };
        self.all.insert(id, stream.clone()) != Some(stream)
    }

    /// Notes the state of a stream; true if that is news.
    pub fn note(&mut self, id: SourceId, state: StreamState, now: Time) -> bool {
        let is_over = matches!(state, StreamState::Ended | StreamState::Gone);
        match self.all.get_mut(&id) {
            Some(stream) if stream.state == state => return false,
            Some(stream) => {
                // A further attempt is the same trouble.
                if std::mem::discriminant(&stream.state) != std::mem::discriminant(&state) {
                    stream.since = now;
                }
                stream.state = state;
            }
            None if is_over => return false,
            None => {
                let stream = Stream {
                    id,
                    source: None,
                    state,
                    since: now,
                };
                self.all.insert(id, stream);
            }
        }
        if is_over {
            self.over.push_back(id);
            self.forget_oldest();
        }
        true
    }

    fn forget_oldest(&mut self) {
        while self.over.len() > MOST_OVER {
            let Some(oldest) = self.over.pop_front() else { return };
            if !self.get(oldest).is_some_and(Stream::is_over) {
                continue;
            }
            let source = self.all.remove(&oldest).and_then(|stream| stream.source);
            if let Some(source) = source
                && self.newest.get(&source.target) == Some(&oldest)
            {
                self.newest.remove(&source.target);
            }
        }
    }

    pub fn get(&self, id: SourceId) -> Option<&Stream> {
        self.all.get(&id)
    }

    /// The stream of a container's newest instance.
    pub fn of(&self, target: &Target) -> Option<&Stream> {
        self.get(*self.newest.get(target)?)
    }

    /// The streams of one context, or of all, that read something in this scope.
    pub fn within<'a>(&'a self, context: Option<ContextId>, scope: &'a Scope) -> impl Iterator<Item = &'a Stream> {
        let (first, last) = match context {
            Some(context) => (context, context),
            None => (ContextId(0), ContextId(u16::MAX)),
        };
        let from = SourceId { context: first, n: 0 };
        let to = SourceId {
            context: last,
            n: u32::MAX,
        };
        let is_within = move |stream: &&Stream| match &stream.source {
            _ if *scope == Scope::All => true,
            Some(source) => scope.holds(source),
            None => false,
        };
        self.all.range(from..=to).map(|(_, stream)| stream).filter(is_within)
    }

    pub fn census(&self, context: Option<ContextId>, scope: &Scope) -> StreamCensus {
        let mut census = StreamCensus::default();
        for stream in self.within(context, scope) {
            census.count(&stream.state);
        }
        census
    }

    /// The stream that most needs to be looked at, if any is not well; of several alike the one that is so the longest.
    pub fn worst<'a>(&'a self, context: Option<ContextId>, scope: &'a Scope) -> Option<&'a Stream> {
        let troubled = self.within(context, scope).filter_map(|stream| {
            let trouble = stream.trouble()?;
            Some(((trouble, stream.since, stream.id), stream))
        });
        troubled.min_by_key(|(key, _)| *key).map(|(_, stream)| stream)
    }
}

impl Stream {
    pub const fn is_over(&self) -> bool {
        matches!(self.state, StreamState::Ended | StreamState::Gone)
    }

    /// How bad it is, the worst first; nothing if it is as it should be.
    pub const fn trouble(&self) -> Option<u8> {
        match self.state {
            StreamState::Denied { .. } => Some(0),
            StreamState::Stalled { .. } => Some(1),
            StreamState::Reconnecting { .. } => Some(2),
            StreamState::Throttled { .. } => Some(3),
            StreamState::NotFollowed { .. } => Some(4),
            StreamState::Polled { .. } => Some(5),
            StreamState::Opening
            | StreamState::Live
            | StreamState::Quiet { .. }
            | StreamState::Waiting { .. }
            | StreamState::Ended
            | StreamState::Gone => None,
        }
    }

    /// How often its container had restarted before.
    pub fn restarts(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.restarts)
    }
}

impl StreamCensus {
    fn count(&mut self, state: &StreamState) {
        match state {
            StreamState::Opening => self.opening += 1,
            StreamState::Live => self.live += 1,
            StreamState::Quiet { .. } => self.quiet += 1,
            StreamState::Stalled { .. } => self.stalled += 1,
            StreamState::Polled { cap, .. } => {
                self.polled += 1;
                self.cap.get_or_insert_with(|| cap.clone());
            }
            StreamState::Waiting { reason } => {
                self.waiting += 1;
                self.waiting_for.get_or_insert_with(|| reason.clone());
            }
            StreamState::Reconnecting { .. } => self.reconnecting += 1,
            StreamState::Denied { cause } => {
                self.denied += 1;
                self.refusal.get_or_insert_with(|| cause.clone());
            }
            StreamState::Throttled { .. } => self.throttled += 1,
            StreamState::NotFollowed { cap } => {
                self.not_followed += 1;
                self.cap.get_or_insert_with(|| cap.clone());
            }
            StreamState::Ended | StreamState::Gone => {}
        }
    }

    /// Those that deliver what is written.
    pub const fn followed(&self) -> usize {
        self.live + self.quiet
    }

    /// All that have something to be read.
    pub const fn wanted(&self) -> usize {
        self.followed()
            + self.opening
            + self.stalled
            + self.reconnecting
            + self.throttled
            + self.denied
            + self.polled
            + self.not_followed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContainerKind, PodKey, WorkloadKey, WorkloadKind};

    fn source(n: u32, restarts: u32) -> Source {
        let context = ContextId(0);
        Source {
            id: SourceId { context, n },
            target: Target {
                pod: PodKey {
                    context,
                    namespace: "shop".into(),
                    name: "api-1".into(),
                    uid: "u".into(),
                },
                container: "app".into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: "api".into(),
            },
            restarts,
            started: None,
            image: "i".into(),
        }
    }

    fn retrying(attempt: u32) -> StreamState {
        StreamState::Reconnecting {
            attempt,
            cause: "reset".into(),
            next: Time(9),
        }
    }

    #[test]
    fn a_trouble_lasts_from_its_first_report() {
        let mut streams = Streams::default();
        let id = source(1, 0).id;
        assert!(streams.open(source(1, 0), Time(1)));
        assert!(!streams.open(source(1, 0), Time(2)), "it is known");
        assert!(streams.note(id, StreamState::Live, Time(3)));
        assert!(!streams.note(id, StreamState::Live, Time(4)));
        assert!(streams.note(id, retrying(1), Time(5)));
        assert!(streams.note(id, retrying(2), Time(6)));
        assert_eq!(streams.get(id).map(|stream| stream.since), Some(Time(5)));
        assert_eq!(streams.worst(None, &Scope::All).map(|stream| stream.id), Some(id));
        assert!(streams.note(id, StreamState::Live, Time(7)));
        assert_eq!(streams.get(id).map(|stream| stream.since), Some(Time(7)));
        assert_eq!(streams.worst(None, &Scope::All), None);
    }

    #[test]
    fn a_restart_takes_the_place_of_what_ended() {
        let mut streams = Streams::default();
        let (first, second) = (source(1, 0), source(2, 1));
        streams.open(first.clone(), Time(1));
        streams.note(first.id, StreamState::Ended, Time(2));
        assert_eq!(streams.of(&first.target).map(|stream| stream.id), Some(first.id));
        streams.open(second.clone(), Time(3));
        assert_eq!(streams.of(&first.target).map(Stream::restarts), Some(1));
        assert_eq!(streams.get(first.id), None);
    }

    #[test]
    fn those_that_are_over_are_bounded() {
        let mut streams = Streams::default();
        for n in 0..3_000 {
            let mut source = source(n, 0);
            source.target.pod.uid = format!("{n}").into();
            let id = source.id;
            streams.open(source, Time(1));
            streams.note(id, StreamState::Gone, Time(2));
        }
        let sizes = [streams.all.len(), streams.newest.len(), streams.over.len()];
        assert_eq!(sizes, [MOST_OVER; 3]);
        assert_eq!(streams.census(None, &Scope::All).wanted(), 0);
    }

    #[test]
    fn what_is_wanted_is_what_there_is_in_all_states() {
        let mut streams = Streams::default();
        let states = [
            StreamState::Opening,
            StreamState::Live,
            StreamState::Quiet { since: Time(1) },
            StreamState::Stalled { since: Time(1) },
            StreamState::Waiting { reason: "w".into() },
            retrying(1),
            StreamState::Denied { cause: "d".into() },
            StreamState::Throttled { until: Time(1) },
            StreamState::NotFollowed { cap: "c".into() },
        ];
        for (n, state) in (0..).zip(states) {
            let context = ContextId(u16::from(n == 1));
            streams.note(SourceId { context, n }, state, Time(1));
        }
        let census = streams.census(None, &Scope::All);
        assert_eq!((census.followed(), census.wanted(), census.waiting), (2, 8, 1));
        let census = streams.census(Some(ContextId(1)), &Scope::All);
        assert_eq!((census.followed(), census.wanted()), (1, 1));
    }
}
