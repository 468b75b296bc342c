//! The ledger of what was really watched. Silence proves something only where it was listened to: this file says where
//! and how long. In event time: a log that is read back counts from the time its lines were written.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::model::{ContextId, Gap, Source, SourceId, Span, Time, WorkloadKey};

use super::alias::Aliases;
use super::coverage::{AGES, ANY_AGE, Clip, Edges, Measure, Stairs, Stretches, cover, without};

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
    /// Workloads of which the logs are refused.
    forbidden: HashSet<WorkloadKey>,
    /// Any source was ever opened here.
    pub has_sources: bool,
}

/// What is known of an emitter in one context.
#[derive(Clone, Debug)]
pub struct Lane {
    pub emitter: EmitterId,
    pub context: ContextId,
    /// What the instances without open coverage add up to.
    settled: Measure,
    edges: Edges,
    instances: Vec<SourceId>,
    /// Instances being read now.
    open: Vec<SourceId>,
    /// When lines of any of its instances were lost.
    lost: Stretches,
    /// Where its instances really are, if not in the workload's namespace.
    namespaces: Vec<Arc<str>>,
}

/// One container instance.
#[derive(Clone, Debug)]
struct Instance {
    lane: LaneId,
    started: Option<Time>,
    covered: Stretches,
    open: Option<Time>,
    lost: Stretches,
    last_words: Option<Time>,
    ended: bool,
    /// What its lane holds of it.
    settled: Measure,
    settled_stretches: Stretches,
}

/// Who was watched, where, when.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    aliases: Aliases,
    contexts: Vec<Watched>,
    emitters: HashMap<(WorkloadKey, Arc<str>), EmitterId>,
    workloads: Vec<WorkloadKey>,
    lanes: Vec<Lane>,
    by_emitter: HashMap<(EmitterId, ContextId), LaneId>,
    instances: HashMap<SourceId, Instance>,
}

/// The lanes and contexts of a ledger, measured at one moment.
#[derive(Clone, Debug)]
pub struct Survey<'a> {
    pub ledger: &'a Ledger,
    pub at: Time,
    pub clip: Clip,
    lanes: Vec<(Measure, Stairs)>,
    /// Every emitter in every context.
    places: Vec<Place>,
}

/// An emitter in a context.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub watching: Watching,
    pub lane: Option<LaneId>,
}

impl Ledger {
    /// The rules by which workloads of other names are one. To be set before the first source is opened.
    pub fn set_aliases(&mut self, aliases: Aliases) {
        self.aliases = aliases;
    }

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

    /// The logs of one workload are refused, and stay so.
    pub fn workload_forbidden(&mut self, context: ContextId, workload: &WorkloadKey) {
        let workload = self.aliases.apply_to_workload(workload);
        self.context(context).forbidden.insert(workload);
    }

    /// A stream was opened: its workload runs in this context. Nothing is covered yet.
    pub fn opened(&mut self, source: &Source) -> LaneId {
        self.context(source.id.context).has_sources = true;
        let lane = self.lane_for(source);
        if let Some(known) = self
            .lanes
            .get_mut(lane.index())
            .filter(|_| !self.instances.contains_key(&source.id))
        {
            known.instances.push(source.id);
        }
        let instance = self.instances.entry(source.id).or_insert_with(|| Instance {
            lane,
            started: None,
            covered: Vec::new(),
            open: None,
            lost: Vec::new(),
            last_words: None,
            ended: false,
            settled: Measure::default(),
            settled_stretches: Vec::new(),
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
        // Whatever was lost in an instant was lost.
        let to = gap.to.max(gap.from + Span(1));
        cover(&mut instance.lost, gap.from, to);
        if let Some(lane) = self.lanes.get_mut(instance.lane.index()) {
            cover(&mut lane.lost, gap.from, to);
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

    /// A workload's containers in all contexts.
    pub fn lanes_of(&self, workload: &WorkloadKey) -> Vec<LaneId> {
        let lanes = self.lanes.iter().enumerate();
        let own = lanes.filter(|(_, lane)| self.workload(lane.emitter) == Some(workload));
        own.map(|(n, _)| LaneId(u32::try_from(n).unwrap_or(u32::MAX))).collect()
    }

    /// Whether anything is being read now, so that exposure grows by itself.
    pub fn is_listening(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.open.is_empty())
    }

    /// All that is known at this moment, as far as it is not clipped away.
    pub fn survey(&self, now: Time, clip: Clip) -> Survey<'_> {
        let lanes = self.lanes.iter().map(|lane| {
            if clip == Clip::default() {
                self.measure(lane, now)
            } else {
                self.measure_clipped(lane, now, clip)
            }
        });
        Survey {
            ledger: self,
            at: now,
            clip,
            lanes: lanes.collect(),
            places: self.places(),
        }
    }

    /// When an instance started, if that is known.
    pub fn started(&self, source: SourceId) -> Option<Time> {
        self.instances.get(&source)?.started
    }

    pub fn workload(&self, emitter: EmitterId) -> Option<&WorkloadKey> {
        self.workloads.get(emitter.index())
    }

    fn measure(&self, lane: &Lane, now: Time) -> (Measure, Stairs) {
        let mut sum = lane.settled;
        if lane.open.is_empty() {
            return (sum, lane.edges.stairs());
        }
        let mut edges = lane.edges.clone();
        for instance in lane.open.iter().filter_map(|source| self.instances.get(source)) {
            let stretches = instance.stretches(now);
            sum.take(&instance.settled);
            sum.add(&instance.measure(&stretches));
            edges.take(&instance.settled_stretches);
            edges.add(&stretches);
        }
        (sum, edges.stairs())
    }

    fn measure_clipped(&self, lane: &Lane, now: Time, clip: Clip) -> (Measure, Stairs) {
        let (mut sum, mut edges) = (Measure::default(), Edges::default());
        for instance in lane.instances.iter().filter_map(|source| self.instances.get(source)) {
            let stretches = clip.clip(instance.stretches(now), instance.started);
            sum.add(&instance.measure(&stretches));
            edges.add(&stretches);
        }
        (sum, edges.stairs())
    }

    fn places(&self) -> Vec<Place> {
        let mut places = Vec::with_capacity(self.workloads.len() * self.contexts.len());
        for (n, workload) in self.workloads.iter().enumerate() {
            let emitter = EmitterId(u32::try_from(n).unwrap_or(u32::MAX));
            for context in &self.contexts {
                let lane = self.lane_in(emitter, context.id);
                let elsewhere = lane
                    .and_then(|lane| self.lane(lane))
                    .map_or(&[][..], |lane| &lane.namespaces);
                places.push(Place {
                    watching: context.watching_of(workload, elsewhere, &self.aliases),
                    lane,
                });
            }
        }
        places
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
        let key = self.aliases.apply(&source.workload, &source.target.container);
        let workload = key.0.clone();
        let next = EmitterId(u32::try_from(self.emitters.len()).unwrap_or(u32::MAX));
        let emitter = *self.emitters.entry(key).or_insert(next);
        if emitter == next {
            self.workloads.push(workload.clone());
        }
        let next = LaneId(u32::try_from(self.lanes.len()).unwrap_or(u32::MAX));
        let lane = *self.by_emitter.entry((emitter, source.id.context)).or_insert(next);
        if lane == next {
            self.lanes.push(Lane {
                emitter,
                context: source.id.context,
                settled: Measure::default(),
                edges: Edges::default(),
                instances: Vec::new(),
                open: Vec::new(),
                lost: Vec::new(),
                namespaces: Vec::new(),
            });
        }
        let namespace = &source.workload.namespace;
        if let Some(known) = self.lanes.get_mut(lane.index())
            && *namespace != workload.namespace
            && !known.namespaces.contains(namespace)
        {
            known.namespaces.push(namespace.clone());
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
            forbidden: HashSet::new(),
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

    /// Whether a workload is listened to: not better than any namespace that it is or may be in.
    fn watching_of(&self, workload: &WorkloadKey, elsewhere: &[Arc<str>], aliases: &Aliases) -> Watching {
        if self.forbidden.contains(workload) {
            return Watching::Forbidden;
        }
        let whole = self.watching_in(&workload.namespace);
        let may_be =
            |namespace: &&Arc<str>| elsewhere.contains(namespace) || aliases.may_lead(namespace, &workload.namespace);
        let elsewhere = self
            .namespaces
            .keys()
            .filter(may_be)
            .map(|namespace| self.watching_in(namespace));
        elsewhere.fold(whole, Watching::worse)
    }
}

impl Watching {
    /// Of two, the one that proves less.
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Forbidden, _) | (_, Self::Forbidden) => Self::Forbidden,
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Until(one), Self::Until(other)) => Self::Until(one.min(other)),
            (Self::Until(at), _) | (_, Self::Until(at)) => Self::Until(at),
            (Self::Since(one), Self::Since(other)) => Self::Since(one.max(other)),
        }
    }
}

impl EmitterId {
    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
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

    /// Whether lines are lost of the time from `first` to `last`.
    pub fn has_lost(&self, first: Time, last: Time) -> bool {
        let next = self.lost.partition_point(|(_, to)| *to < first);
        self.lost.get(next).is_some_and(|(from, _)| *from <= last)
    }

    fn settle(&mut self, instance: &mut Instance) {
        self.settled.take(&instance.settled);
        self.edges.take(&instance.settled_stretches);
        let stretches = without(instance.covered.clone(), &instance.lost);
        instance.settled = instance.measure(&stretches);
        self.settled.add(&instance.settled);
        self.edges.add(&stretches);
        instance.settled_stretches = stretches;
    }
}

impl Survey<'_> {
    pub fn measure(&self, lane: LaneId) -> Option<&Measure> {
        self.lanes.get(lane.index()).map(|(measure, _)| measure)
    }

    /// How much was watched after any moment.
    pub fn stairs(&self, lane: LaneId) -> Option<&Stairs> {
        self.lanes.get(lane.index()).map(|(_, stairs)| stairs)
    }

    /// An emitter in all contexts, in their order on the screen.
    pub fn places(&self, emitter: EmitterId) -> &[Place] {
        let contexts = self.ledger.contexts.len();
        let first = emitter.index().saturating_mul(contexts);
        self.places.get(first..first + contexts).unwrap_or_default()
    }

    /// The first moment watched anywhere.
    pub fn began(&self) -> Option<Time> {
        self.lanes
            .iter()
            .filter_map(|(m, _)| m.span)
            .map(|(first, _)| first)
            .min()
    }
}

impl Instance {
    /// All stretches, the open one up to `now`, without what was lost.
    fn stretches(&self, now: Time) -> Stretches {
        let mut covered = self.covered.clone();
        if let Some(from) = self.open {
            cover(&mut covered, from, now);
        }
        without(covered, &self.lost)
    }

    fn measure(&self, stretches: &[(Time, Time)]) -> Measure {
        Measure::of(stretches, self.started, self.lost.len())
    }
}

#[cfg(test)]
mod tests {
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
        let survey = ledger.survey(secs(1600), Clip::default());
        let measure = survey.measure(lane).unwrap();
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
        let survey = ledger.survey(secs(5000), Clip::default());
        let measure = survey.measure(lane).unwrap();
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
        let survey = ledger.survey(secs(5100), Clip::default());
        let measure = survey.measure(lane).unwrap();
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
            let survey = ledger.survey(secs(1000), Clip::default());
            assert_eq!(survey.measure(lane).unwrap().bins[ANY_AGE], bins);
            assert_eq!(
                survey.measure(lane).unwrap().nanos[ANY_AGE],
                secs_watched * 1_000_000_000
            );
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

    #[test]
    fn a_window_and_an_age_clip_what_was_watched() {
        let mut ledger = Ledger::default();
        let source = source(0, Some(1000));
        let lane = ledger.opened(&source);
        ledger.coverage_began(source.id, secs(1000));
        let check = |clip, expected: (i64, u32)| {
            let survey = ledger.survey(secs(2000), clip);
            let measure = survey.measure(lane).unwrap();
            assert_eq!((measure.nanos[ANY_AGE] / 1_000_000_000, measure.starts), expected);
            let after = survey.stairs(lane).unwrap().nanos_after(Time::MIN);
            assert_eq!(after, measure.nanos[ANY_AGE]);
        };
        let clip = |from: Option<i64>, age: Option<i64>| Clip {
            from: from.map(secs),
            age: age.map(Span::from_secs),
        };
        check(clip(None, None), (1000, 1));
        check(clip(Some(1700), None), (300, 0));
        check(clip(None, Some(60)), (60, 1));
        check(clip(Some(1700), Some(60)), (0, 0));
    }

    #[test]
    fn dropped_lines_are_not_watched() {
        let mut ledger = Ledger::default();
        let source = source(0, None);
        let lane = ledger.opened(&source);
        ledger.coverage_began(source.id, secs(0));
        let dropped = |from, to| Gap {
            from: secs(from),
            to: secs(to),
            cause: GapCause::Dropped(500),
        };
        ledger.gap_found(source.id, &dropped(100, 160));
        ledger.gap_found(source.id, &dropped(300, 300));
        let survey = ledger.survey(secs(1000), Clip::default());
        let measure = survey.measure(lane).unwrap();
        assert_eq!((measure.nanos[ANY_AGE], measure.gaps), (940_000_000_000 - 1, 2));
    }

    #[test]
    fn a_forbidden_workload_is_forbidden_by_all_its_names() {
        let mut ledger = Ledger::default();
        ledger.set_aliases(Aliases::new(vec![Aliases::parse("shop-prod/*=shop/*").unwrap()]));
        ledger.watch_changed(ContextId(0), Watching::Since(secs(0)));
        ledger.watch_changed(ContextId(1), Watching::Since(secs(0)));
        ledger.opened(&source(0, None));
        let mut workload = source(0, None).workload;
        workload.namespace = "shop-prod".into();
        let check = |ledger: &Ledger, expected: [Watching; 2]| {
            let survey = ledger.survey(secs(10), Clip::default());
            let places: Vec<_> = survey.places(EmitterId(0)).iter().map(|place| place.watching).collect();
            assert_eq!(places, expected);
        };
        let open = Watching::Since(secs(0));
        check(&ledger, [open, open]);
        ledger.workload_forbidden(ContextId(1), &workload);
        check(&ledger, [open, Watching::Forbidden]);
        ledger.namespace_changed(ContextId(0), "shop-prod".into(), Watching::Until(secs(5)));
        check(&ledger, [Watching::Until(secs(5)), Watching::Forbidden]);
    }
}
