//! Which container instances of a context are followed: decides from each new row of a pod which logs to open, and
//! tells the open ones what became of their instance.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::stream::{Fate, Instance, instances};
use crate::model::{ContainerRow, Gap, GapCause, PodRow, Time};

/// A container of a pod.
type Key = (Arc<str>, Arc<str>);

/// All instances that are or were followed, as long as their pods tell of them.
#[derive(Debug, Default)]
pub(super) struct Followed {
    containers: HashMap<Key, Vec<Known>>,
}

#[derive(Debug)]
struct Known {
    id: Arc<str>,
    restarts: u32,
    /// The latest that is known of its time.
    until: Time,
    fate: watch::Sender<Fate>,
}

/// A log to open.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) container: ContainerRow,
    pub(super) instance: Instance,
    pub(super) gap: Option<Gap>,
    pub(super) fate: watch::Receiver<Fate>,
}

impl Followed {
    /// The logs to open for this state of a pod. What ended before `bound` is not of interest.
    pub(super) fn apply(&mut self, pod: &PodRow, bound: Time, wants: impl Fn(&str) -> bool) -> Vec<Start> {
        let mut starts = Vec::new();
        for container in pod.containers.iter().filter(|container| wants(&container.name)) {
            let key = (Arc::clone(&pod.key.uid), Arc::clone(&container.name));
            let known = self.containers.entry(key).or_default();
            starts.extend(update(known, container, bound));
        }
        starts
    }

    /// The pod is gone.
    pub(super) fn remove(&mut self, uid: &str) {
        self.containers.retain(|(pod, _), known| {
            let gone = &**pod == uid;
            if gone {
                for known in known {
                    known.fate.send_replace(Fate::Gone);
                }
            }
            !gone
        });
    }
}

fn update(known: &mut Vec<Known>, container: &ContainerRow, bound: Time) -> Vec<Start> {
    let seen = instances(container);
    if seen.is_empty() {
        return Vec::new();
    }
    let newest = known.iter().map(|known| (known.restarts, known.until)).max();
    overtake(known, &seen);
    let mut starts = Vec::new();
    for instance in seen {
        let until = ended(&instance).or(instance.started).unwrap_or(Time::MIN);
        if let Some(known) = known.iter_mut().find(|known| known.id == instance.id) {
            known.until = known.until.max(until);
            known
                .fate
                .send_if_modified(|fate| std::mem::replace(fate, instance.fate) != instance.fate);
            continue;
        }
        let gap = newest
            .filter(|_| starts.is_empty())
            .and_then(|newest| unseen(newest, &instance));
        let (fate, receiver) = watch::channel(instance.fate);
        known.push(Known {
            id: Arc::clone(&instance.id),
            restarts: instance.restarts,
            until,
            fate,
        });
        if ended(&instance).is_none_or(|at| at >= bound) {
            starts.push(Start {
                container: container.clone(),
                instance,
                gap,
                fate: receiver,
            });
        }
    }
    starts
}

/// Forgets the instances that the pod no longer tells of; one that is still being read learns that it is too late.
fn overtake(known: &mut Vec<Known>, seen: &[Instance]) {
    known.retain(|known| {
        let told = seen.iter().any(|instance| instance.id == known.id);
        if !told {
            known.fate.send_replace(Fate::Overtaken);
        }
        told
    });
}

/// The restarts between the newest instance known and this one, whose logs nobody can read any more.
fn unseen((restarts, until): (u32, Time), instance: &Instance) -> Option<Gap> {
    let missed = instance.restarts.checked_sub(restarts)?.saturating_sub(1);
    let to = instance.started.unwrap_or(until).max(until);
    (missed > 0).then_some(Gap {
        from: until,
        to,
        cause: GapCause::Restarted(missed),
    })
}

fn ended(instance: &Instance) -> Option<Time> {
    match instance.fate {
        Fate::Ended { at, .. } => Some(at),
        Fate::Running | Fate::Overtaken | Fate::Gone => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{ContainerKind, ContainerState, ContextId, PodKey, Termination, WorkloadKey, WorkloadKind};

    fn pod(restarts: u32, id: &str, running: Option<i64>, last: Option<(&str, i64)>) -> PodRow {
        let last = last.map(|(id, at)| Termination {
            id: id.into(),
            exit_code: 1,
            signal: 0,
            reason: "Error".into(),
            message: "".into(),
            started: Time::from_secs(at - 1),
            finished: Time::from_secs(at),
        });
        let state = match running {
            Some(since) => ContainerState::Running {
                since: Time::from_secs(since),
            },
            None => ContainerState::Waiting {
                reason: "CrashLoopBackOff".into(),
                message: "".into(),
            },
        };
        let container = ContainerRow {
            name: "api".into(),
            kind: ContainerKind::Main,
            image: "".into(),
            ready: false,
            restarts,
            id: id.into(),
            state,
            last,
        };
        PodRow {
            key: PodKey {
                context: ContextId(0),
                namespace: "shop".into(),
                name: "api-0".into(),
                uid: "u".into(),
            },
            workload: WorkloadKey {
                namespace: "shop".into(),
                kind: WorkloadKind::Pod,
                name: "api-0".into(),
            },
            labels: Arc::new(BTreeMap::new()),
            node: "".into(),
            phase: "Running".into(),
            reason: "".into(),
            ready: false,
            deleting: false,
            created: Time::from_secs(0),
            version: "".into(),
            default_container: "api".into(),
            containers: vec![container],
        }
    }

    fn apply(followed: &mut Followed, pod: &PodRow) -> Vec<Start> {
        followed.apply(pod, Time::from_secs(50), |_| true)
    }

    fn ids(starts: &[Start]) -> Vec<&str> {
        starts.iter().map(|start| &*start.instance.id).collect()
    }

    #[test]
    fn every_instance_is_read_once() {
        let mut followed = Followed::default();
        let first = apply(&mut followed, &pod(3, "b", Some(100), Some(("a", 90))));
        assert_eq!(ids(&first), ["a", "b"], "the previous one too");
        assert!(first.iter().all(|start| start.gap.is_none()), "nobody watched before");
        assert!(apply(&mut followed, &pod(3, "b", Some(100), Some(("a", 90)))).is_empty());
        assert!(apply(&mut followed, &pod(3, "b", None, Some(("b", 110)))).is_empty());
        assert_eq!(ended_at(&first[1]), Some(110));
        let second = apply(&mut followed, &pod(4, "c", Some(120), Some(("b", 110))));
        assert_eq!(ids(&second), ["c"]);
        assert_eq!(*first[0].fate.borrow(), Fate::Overtaken);
        followed.remove("u");
        assert_eq!(*second[0].fate.borrow(), Fate::Gone);
    }

    fn ended_at(start: &Start) -> Option<i64> {
        match *start.fate.borrow() {
            Fate::Ended { at, .. } => Some(at.floor_secs()),
            Fate::Running | Fate::Overtaken | Fate::Gone => None,
        }
    }

    #[test]
    fn restarts_that_nobody_saw_are_a_gap() {
        let mut followed = Followed::default();
        assert_eq!(ids(&apply(&mut followed, &pod(0, "a", Some(100), None))), ["a"]);
        let starts = apply(&mut followed, &pod(5, "f", Some(200), Some(("e", 190))));
        assert_eq!(ids(&starts), ["e", "f"]);
        let gap = Gap {
            from: Time::from_secs(100),
            to: Time::from_secs(189),
            cause: GapCause::Restarted(3),
        };
        assert_eq!(starts[0].gap, Some(gap));
        assert_eq!(starts[1].gap, None);
    }

    #[test]
    fn what_ended_before_the_time_of_interest_is_left_alone() {
        let mut followed = Followed::default();
        assert_eq!(
            ids(&apply(&mut followed, &pod(1, "b", Some(100), Some(("a", 40))))),
            ["b"]
        );
        assert!(
            followed
                .apply(&pod(0, "x", Some(100), None), Time::MIN, |_| false)
                .is_empty()
        );
    }
}
