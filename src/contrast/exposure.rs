//! The ledger of what was really watched. Silence proves something only where it was listened to: this file says where
//! and how long. In event time: a log that is read back counts from the time its lines were written.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::{ContextId, Gap, Source, SourceId, Span, Time, WorkloadKey};

/// Length of a bin. What a container instance writes within one bin is one episode: bursts count once.
pub const BIN: Span = Span::from_secs(10);

/// Upper ends of the age classes. An age is the time since the container instance started, so that what is written
/// at a start is compared with other starts and not with long quiet lives.
const AGES: [i64; AGE_CLASSES - 1] = [10, 20, 40, 80, 160, 320, 640];

/// The last class is every age, also an unknown one.
pub const AGE_CLASSES: usize = 8;
pub const ANY_AGE: usize = AGE_CLASSES - 1;

/// A start counts as seen if coverage begins at most this much later: the API gives starts in whole seconds.
const START_SLACK: Span = Span::from_secs(1);

/// Disjoint stretches kept for one instance; above it the oldest is forgotten, which only makes claims harder.
const STRETCHES: usize = 512;

/// One container of one workload, in any cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmitterId(pub u32);

/// An emitter in one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u32);

/// Whether a context's logs are listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watching {
    /// Never so far.
    Never,
    Since(Time),
    /// Not any more.
    Until(Time),
    Forbidden,
}

/// A context as it was opened.
#[derive(Clone, Debug)]
pub struct Watched {
    pub id: ContextId,
    pub name: Arc<str>,
    pub watching: Watching,
    /// The namespaces of which more is known than of their context.
    namespaces: HashMap<Arc<str>, Watching>,
    /// Any source was ever opened here.
    pub has_sources: bool,
}

/// What is known of an emitter in one context.
#[derive(Clone, Debug)]
pub struct Lane {
    pub emitter: EmitterId,
    pub context: ContextId,
    pub workload: WorkloadKey,
    /// What the instances without open coverage add up to.
    settled: Measure,
    /// Instances being read now.
    open: Vec<SourceId>,
}

/// How much was watched, per age class; a class includes the younger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Bins in which an instance was watched at any moment.
    pub bins: [u32; AGE_CLASSES],
    /// Time watched, nanoseconds.
    pub nanos: [i64; AGE_CLASSES],
    /// Instances of which the start was watched.
    pub starts: u32,
    /// Gaps that took something away.
    pub gaps: u32,
    /// First and last moment watched.
    pub span: Option<(Time, Time)>,
}

/// One container instance.
#[derive(Clone, Debug)]
struct Instance {
    lane: LaneId,
    started: Option<Time>,
    /// Watched stretches, disjoint and ascending.
    covered: Vec<(Time, Time)>,
    open: Option<Time>,
    lost: Vec<(Time, Time)>,
    last_words: Option<Time>,
    ended: bool,
    /// What its lane's `settled` holds of it.
    settled: Measure,
}

/// Who was watched, where, when.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    contexts: Vec<Watched>,
    emitters: HashMap<(WorkloadKey, Arc<str>), EmitterId>,
    lanes: Vec<Lane>,
    by_emitter: HashMap<(EmitterId, ContextId), LaneId>,
    instances: HashMap<SourceId, Instance>,
}

/// The lanes and contexts of a ledger, measured at one moment.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    pub ledger: &'a Ledger,
    pub at: Time,
    lanes: Vec<Measure>,
}

impl Ledger {
    /// The contexts asked for, in their order on the screen. Those that are never heard of again stay not watched.
    pub fn open_contexts(&mut self, contexts: Vec<(ContextId, Arc<str>)>) {
        for (id, name) in contexts {
            match self.contexts.iter_mut().find(|known| known.id == id) {
                Some(known) => known.name = name,
                None => self.contexts.push(Watched::new(id, name)),
            }
        }
    }

    pub fn contexts(&self) -> &[Watched] {
        &self.contexts
    }

    pub fn watch_changed(&mut self, context: ContextId, watching: Watching) {
        self.context(context).watching = watching;
    }

    /// The same of one namespace. What is forbidden or lost here stays so, whatever becomes of the context.
    pub fn namespace_changed(&mut self, context: ContextId, namespace: Arc<str>, watching: Watching) {
        self.context(context).namespaces.insert(namespace, watching);
    }

    /// A stream was opened: its workload runs in this context. Nothing is covered yet.
    pub fn opened(&mut self, source: &Source) -> LaneId {
        self.context(source.id.context).has_sources = true;
        let lane = self.lane_for(source);
        let instance = self.instances.entry(source.id).or_insert_with(|| Instance {
            lane,
            started: None,
            covered: Vec::new(),
            open: None,
            lost: Vec::new(),
            last_words: None,
            ended: false,
            settled: Measure::default(),
        });
        instance.started = source.started.or(instance.started);
        lane
    }

    pub fn coverage_began(&mut self, source: SourceId, from: Time) {
        let Some(instance) = self.instances.get_mut(&source) else {
            return;
        };
        let from = instance.open.map_or(from, |open| open.min(from));
        instance.open = Some(from);
        let Some(lane) = self.lanes.get_mut(instance.lane.index()) else {
            return;
        };
        if !lane.open.contains(&source) {
            lane.open.push(source);
        }
    }

    pub fn coverage_ended(&mut self, source: SourceId, at: Time) {
        let Some(instance) = self.instances.get_mut(&source) else {
            return;
        };
        let Some(from) = instance.open.take() else { return };
        // Whatever was watched for an instant was watched.
        cover(&mut instance.covered, from, at.max(from + Span(1)));
        if let Some(lane) = self.lanes.get_mut(instance.lane.index()) {
            lane.open.retain(|open| *open != source);
            lane.settle(instance);
        }
    }

    pub fn gap_found(&mut self, source: SourceId, gap: &Gap) {
        let Some(instance) = self.instances.get_mut(&source) else {
            return;
        };
        cover(&mut instance.lost, gap.from, gap.to);
        if let Some(lane) = self.lanes.get_mut(instance.lane.index()) {
            lane.settle(instance);
        }
    }

    pub fn source_ended(&mut self, source: SourceId, at: Time) {
        self.coverage_ended(source, at);
        if let Some(instance) = self.instances.get_mut(&source) {
            instance.ended = true;
        }
    }

    /// A record was written at this time.
    pub fn wrote(&mut self, source: SourceId, at: Time) {
        if let Some(instance) = self.instances.get_mut(&source) {
            instance.last_words = instance.last_words.max(Some(at));
        }
    }

    /// The age class of what was written at `at`.
    pub fn age_class(&self, source: SourceId, at: Time) -> usize {
        let Some(started) = self.instances.get(&source).and_then(|instance| instance.started) else {
            return ANY_AGE;
        };
        let age = at.since(started);
        AGES.iter()
            .position(|secs| age <= Span::from_secs(*secs))
            .unwrap_or(ANY_AGE)
    }

    /// Whether an instance ended within `slack` after it had written something at `at`. `None` while it lives.
    pub fn ended_after(&self, source: SourceId, at: Time, slack: Span) -> Option<bool> {
        let instance = self.instances.get(&source)?;
        instance
            .ended
            .then(|| instance.last_words.is_none_or(|last| last.since(at) <= slack))
    }

    /// The lane of a source that was opened.
    pub fn lane_of(&self, source: SourceId) -> Option<LaneId> {
        self.instances.get(&source).map(|instance| instance.lane)
    }

    pub fn lane(&self, id: LaneId) -> Option<&Lane> {
        self.lanes.get(id.index())
    }

    pub fn lane_in(&self, emitter: EmitterId, context: ContextId) -> Option<LaneId> {
        self.by_emitter.get(&(emitter, context)).copied()
    }

    /// Whether anything is being read now, so that exposure grows by itself.
    pub fn is_listening(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.open.is_empty())
    }

    pub fn survey(&self, now: Time) -> Survey<'_> {
        let measured = |lane: &Lane| {
            let mut sum = lane.settled;
            for instance in lane.open.iter().filter_map(|source| self.instances.get(source)) {
                sum.take(&instance.settled);
                sum.add(&instance.measure(now));
            }
            sum
        };
        Survey {
            ledger: self,
            at: now,
            lanes: self.lanes.iter().map(measured).collect(),
        }
    }

    fn context(&mut self, id: ContextId) -> &mut Watched {
        let at = self
            .contexts
            .iter()
            .position(|known| known.id == id)
            .unwrap_or_else(|| {
                let name = format!("context {}", id.0);
                self.contexts.push(Watched::new(id, name.into()));
                self.contexts.len() - 1
            });
        &mut self.contexts[at]
    }

    fn lane_for(&mut self, source: &Source) -> LaneId {
        let next = EmitterId(u32::try_from(self.emitters.len()).unwrap_or(u32::MAX));
        let key = (source.workload.clone(), source.target.container.clone());
        let emitter = *self.emitters.entry(key).or_insert(next);
        let next = LaneId(u32::try_from(self.lanes.len()).unwrap_or(u32::MAX));
        let lane = *self.by_emitter.entry((emitter, source.id.context)).or_insert(next);
        if lane == next {
            self.lanes.push(Lane {
                emitter,
                context: source.id.context,
                workload: source.workload.clone(),
                settled: Measure::default(),
                open: Vec::new(),
            });
        }
        lane
    }
}

impl Watched {
    fn new(id: ContextId, name: Arc<str>) -> Self {
        Self {
            id,
            name,
            watching: Watching::Never,
            namespaces: HashMap::new(),
            has_sources: false,
        }
    }

    /// Whether one namespace is listened to: not better than its context as a whole.
    pub fn watching_in(&self, namespace: &str) -> Watching {
        match (self.watching, self.namespaces.get(namespace)) {
            (Watching::Since(whole), Some(Watching::Since(part))) => Watching::Since(whole.max(*part)),
            (Watching::Since(_), Some(part)) => *part,
            (_, Some(Watching::Forbidden)) => Watching::Forbidden,
            (whole, _) => whole,
        }
    }
}

impl LaneId {
    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Lane {
    /// Instances that are being read now.
    pub fn open(&self) -> usize {
        self.open.len()
    }

    fn settle(&mut self, instance: &mut Instance) {
        self.settled.take(&instance.settled);
        let open = instance.open.take();
        instance.settled = instance.measure(Time::MIN);
        instance.open = open;
        self.settled.add(&instance.settled);
    }
}

impl Survey<'_> {
    pub fn measure(&self, lane: LaneId) -> &Measure {
        const NOTHING: &Measure = &Measure {
            bins: [0; AGE_CLASSES],
            nanos: [0; AGE_CLASSES],
            starts: 0,
            gaps: 0,
            span: None,
        };
        self.lanes.get(lane.index()).unwrap_or(NOTHING)
    }

    /// The first moment watched anywhere.
    pub fn began(&self) -> Option<Time> {
        self.lanes.iter().filter_map(|m| m.span).map(|(first, _)| first).min()
    }
}

impl Measure {
    /// The share of what was watched that lies at or after `time`, taken as spread evenly.
    pub fn share_after(&self, time: Time) -> f64 {
        let Some((first, last)) = self.span else { return 0.0 };
        let all = last.since(first).as_secs_f64();
        if time <= first || all <= 0.0 {
            return if time <= last { 1.0 } else { 0.0 };
        }
        (last.since(time).as_secs_f64() / all).max(0.0)
    }

    fn add(&mut self, other: &Self) {
        for class in 0..AGE_CLASSES {
            self.bins[class] += other.bins[class];
            self.nanos[class] += other.nanos[class];
        }
        self.starts += other.starts;
        self.gaps += other.gaps;
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    /// Takes back what was added; the span stays, it only ever grows.
    fn take(&mut self, other: &Self) {
        for class in 0..AGE_CLASSES {
            self.bins[class] -= other.bins[class];
            self.nanos[class] -= other.nanos[class];
        }
        self.starts -= other.starts;
        self.gaps -= other.gaps;
    }
}

impl Instance {
    /// All stretches, the open one up to `now`, without what was lost.
    fn stretches(&self, now: Time) -> Vec<(Time, Time)> {
        let mut covered = self.covered.clone();
        if let Some(from) = self.open {
            cover(&mut covered, from, now);
        }
        without(covered, &self.lost)
    }

    fn measure(&self, now: Time) -> Measure {
        let stretches = self.stretches(now);
        let mut measure = Measure {
            gaps: u32::try_from(self.lost.len()).unwrap_or(u32::MAX),
            span: stretches.first().zip(stretches.last()).map(|(a, b)| (a.0, b.1)),
            ..Measure::default()
        };
        (measure.bins[ANY_AGE], measure.nanos[ANY_AGE]) = extent(&stretches, Time::MAX);
        let (Some(started), Some(first)) = (self.started, stretches.first()) else {
            return measure;
        };
        measure.starts = u32::from(first.0 <= started + START_SLACK);
        for (class, secs) in AGES.iter().enumerate() {
            (measure.bins[class], measure.nanos[class]) = extent(&stretches, started + Span::from_secs(*secs));
        }
        measure
    }
}

/// Bins touched and time covered by the stretches, as far as they lie before `end`.
fn extent(stretches: &[(Time, Time)], end: Time) -> (u32, i64) {
    let (mut bins, mut nanos, mut next_bin) = (0_i64, 0_i64, i64::MIN);
    for (from, to) in stretches.iter().take_while(|(from, _)| *from < end) {
        let to = (*to).min(end);
        nanos = nanos.saturating_add(to.since(*from).nanos());
        let (first, last) = (bin_of(*from).max(next_bin), bin_of(to - Span(1)));
        bins += (last - first + 1).max(0);
        next_bin = next_bin.max(last + 1);
    }
    (u32::try_from(bins).unwrap_or(u32::MAX / 2), nanos)
}

pub fn bin_of(time: Time) -> i64 {
    time.nanos().div_euclid(BIN.nanos())
}

/// Adds a stretch, joining those it meets.
fn cover(stretches: &mut Vec<(Time, Time)>, from: Time, to: Time) {
    if to <= from {
        return;
    }
    let start = stretches.partition_point(|(_, end)| *end < from);
    let end = stretches.partition_point(|(begin, _)| *begin <= to);
    let met = stretches.get(start..end).unwrap_or_default();
    let joined = (
        met.first().map_or(from, |(begin, _)| from.min(*begin)),
        met.last().map_or(to, |(_, end)| to.max(*end)),
    );
    stretches.splice(start..end.max(start), [joined]);
    if stretches.len() > STRETCHES {
        stretches.remove(0);
    }
}

/// The stretches with the lost ones cut out; both ascending.
fn without(stretches: Vec<(Time, Time)>, lost: &[(Time, Time)]) -> Vec<(Time, Time)> {
    if lost.is_empty() {
        return stretches;
    }
    let mut left = Vec::with_capacity(stretches.len());
    for (mut from, to) in stretches {
        for (gone_from, gone_to) in lost.iter().filter(|(begin, _)| *begin < to) {
            if *gone_to <= from {
                continue;
            }
            if *gone_from > from {
                left.push((from, *gone_from));
            }
            from = from.max(*gone_to);
        }
        if from < to {
            left.push((from, to));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ContainerKind, GapCause, PodKey, Target, WorkloadKind};

    fn source(n: u32, started: Option<i64>) -> Source {
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
                container: "api".into(),
            },
            kind: ContainerKind::Main,
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Deployment,
                name: "api".into(),
            },
            restarts: 0,
            started: started.map(Time::from_secs),
            image: "i".into(),
        }
    }

    fn secs(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_log_read_back_counts_in_event_time() {
        let mut ledger = Ledger::default();
        let source = source(0, Some(1000));
        let lane = ledger.opened(&source);
        ledger.coverage_began(source.id, secs(1000));
        let survey = ledger.survey(secs(1600));
        let measure = survey.measure(lane);
        assert_eq!((measure.bins[ANY_AGE], measure.bins[0]), (60, 1));
        assert_eq!(measure.nanos[ANY_AGE], 600_000_000_000);
        assert_eq!(measure.starts, 1);
        assert_eq!(survey.began(), Some(secs(1000)));
    }

    #[test]
    fn a_short_life_is_a_bin_but_only_its_own_seconds() {
        let mut ledger = Ledger::default();
        let mut lane = LaneId(9);
        for n in 0..3 {
            let start = 1000 + i64::from(n) * 100;
            let source = source(n, Some(start));
            lane = ledger.opened(&source);
            ledger.coverage_began(source.id, secs(start));
            ledger.source_ended(source.id, secs(start + 1));
        }
        let survey = ledger.survey(secs(5000));
        let measure = survey.measure(lane);
        assert_eq!(
            (measure.bins[ANY_AGE], measure.nanos[0], measure.starts),
            (3, 3_000_000_000, 3)
        );
    }

    #[test]
    fn a_start_before_the_log_was_read_is_not_seen() {
        let mut ledger = Ledger::default();
        let source = source(0, Some(10));
        let lane = ledger.opened(&source);
        ledger.coverage_began(source.id, secs(5000));
        let survey = ledger.survey(secs(5100));
        let measure = survey.measure(lane);
        assert_eq!(
            (measure.starts, measure.bins[ANY_AGE - 1], measure.bins[ANY_AGE]),
            (0, 0, 10)
        );
    }

    #[test]
    fn gaps_are_taken_out_before_and_after_the_stream_ended() {
        let gap = |from, to| Gap {
            from: secs(from),
            to: secs(to),
            cause: GapCause::Rotated,
        };
        let mut ledger = Ledger::default();
        let source = source(0, None);
        let lane = ledger.opened(&source);
        ledger.coverage_began(source.id, secs(0));
        ledger.gap_found(source.id, &gap(100, 200));
        let check = |ledger: &Ledger, bins, secs_watched: i64| {
            let survey = ledger.survey(secs(1000));
            assert_eq!(survey.measure(lane).bins[ANY_AGE], bins);
            assert_eq!(survey.measure(lane).nanos[ANY_AGE], secs_watched * 1_000_000_000);
        };
        check(&ledger, 90, 900);
        ledger.coverage_ended(source.id, secs(500));
        check(&ledger, 40, 400);
        ledger.gap_found(source.id, &gap(205, 215));
        check(&ledger, 40, 390);
        ledger.coverage_began(source.id, secs(900));
        check(&ledger, 50, 490);
    }

    #[test]
    fn a_namespace_is_not_listened_to_better_than_its_context() {
        let (whole, part) = (Watching::Since(secs(10)), Watching::Since(secs(20)));
        let lost = Watching::Until(secs(30));
        let check = |context, namespace, expected| {
            let mut ledger = Ledger::default();
            ledger.watch_changed(ContextId(0), context);
            ledger.namespace_changed(ContextId(0), "shop".into(), namespace);
            let watched = &ledger.contexts()[0];
            assert_eq!(watched.watching_in("shop"), expected);
            assert_eq!(watched.watching_in("billing"), context);
        };
        check(whole, part, part);
        check(part, whole, part);
        check(whole, Watching::Forbidden, Watching::Forbidden);
        check(whole, lost, lost);
        check(lost, part, lost);
        check(lost, Watching::Forbidden, Watching::Forbidden);
        check(Watching::Forbidden, part, Watching::Forbidden);
        check(Watching::Never, part, Watching::Never);
    }

    #[test]
    fn an_emitter_is_one_across_clusters() {
        let mut ledger = Ledger::default();
        let here = source(0, None);
        let mut there = source(0, None);
        there.id.context = ContextId(1);
        let (a, b) = (ledger.opened(&here), ledger.opened(&there));
        assert_ne!(a, b);
        let emitter = ledger.lane(a).unwrap().emitter;
        assert_eq!(ledger.lane_in(emitter, ContextId(1)), Some(b));
        assert_eq!(ledger.lane_in(emitter, ContextId(2)), None);
    }

    #[test]
    fn last_words_are_told_from_words_in_life() {
        let mut ledger = Ledger::default();
        let source = source(0, None);
        ledger.opened(&source);
        ledger.wrote(source.id, secs(10));
        ledger.wrote(source.id, secs(12));
        let slack = Span::from_secs(5);
        assert_eq!(ledger.ended_after(source.id, secs(10), slack), None);
        ledger.source_ended(source.id, secs(400));
        assert_eq!(ledger.ended_after(source.id, secs(10), slack), Some(true));
        assert_eq!(ledger.ended_after(source.id, secs(2), slack), Some(false));
    }

    proptest! {
        /// Against one flag per second.
        #[test]
        fn stretches_are_sets_of_seconds(
            adds in prop::collection::vec((0_i64..300, 1_i64..60), 0..20),
            cuts in prop::collection::vec((0_i64..300, 1_i64..60), 0..10),
        ) {
            let mut model = vec![false; 400];
            let (mut stretches, mut lost) = (Vec::new(), Vec::new());
            for (from, len) in adds {
                cover(&mut stretches, secs(from), secs(from + len));
                model[usize::try_from(from).unwrap()..usize::try_from(from + len).unwrap()].fill(true);
            }
            for (from, len) in cuts {
                cover(&mut lost, secs(from), secs(from + len));
                model[usize::try_from(from).unwrap()..usize::try_from(from + len).unwrap()].fill(false);
            }
            let left = without(stretches, &lost);
            let watched = model.iter().filter(|watched| **watched).count();
            let bins = model.chunks(10).filter(|bin| bin.contains(&true)).count();
            let (got_bins, nanos): (u32, i64) = extent(&left, Time::MAX);
            prop_assert_eq!(nanos, i64::try_from(watched).unwrap() * 1_000_000_000);
            prop_assert_eq!(got_bins as usize, bins);
        }
    }
}
