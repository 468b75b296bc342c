//! Which instances of a container there are to read, by what its pod's status says, and what became of them. The log
//! API knows containers by name only: it serves the current instance, or the one before it.

use std::sync::Arc;

use crate::model::{ContainerRow, ContainerState, Termination, Time};

/// One run of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Instance {
    /// The runtime's id, unique.
    pub(in crate::cluster) id: Arc<str>,
    /// How often the container had restarted before.
    pub(in crate::cluster) restarts: u32,
    pub(in crate::cluster) started: Option<Time>,
    pub(in crate::cluster) fate: Fate,
}

/// What has become of an instance, and so where its log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Fate {
    Running,
    Ended {
        at: Time,
        place: Place,
    },
    /// Two younger instances have been started: its log is out of reach.
    Overtaken,
    /// The pod is gone.
    Gone,
}

/// Where the log API serves an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Place {
    Current,
    Previous,
}

/// The instances whose logs can be asked for, the elder first.
pub(in crate::cluster) fn instances(row: &ContainerRow) -> Vec<Instance> {
    let current = current(row);
    let id = current.as_ref().map(|instance| Arc::clone(&instance.id));
    let last = row
        .last
        .as_ref()
        .filter(|last| !last.id.is_empty() && id.as_ref() != Some(&last.id));
    let previous = last.map(|last| ended(last, &last.id, row.restarts.saturating_sub(1), Place::Previous));
    previous.into_iter().chain(current).collect()
}

/// The instance that is served without asking for the previous one. After `validateContainerLogStatus` in
/// `pkg/kubelet/kubelet_pods.go`: a container that waits to be restarted serves the one that ended.
fn current(row: &ContainerRow) -> Option<Instance> {
    match &row.state {
        ContainerState::Running { since } => (!row.id.is_empty()).then(|| Instance {
            id: Arc::clone(&row.id),
            restarts: row.restarts,
            started: Some(*since),
            fate: Fate::Running,
        }),
        ContainerState::Terminated(end) => {
            let id = if end.id.is_empty() { &row.id } else { &end.id };
            (!id.is_empty()).then(|| ended(end, id, row.restarts, Place::Current))
        }
        ContainerState::Waiting { .. } | ContainerState::Unknown => {
            let last = row.last.as_ref().filter(|last| !last.id.is_empty())?;
            Some(ended(last, &last.id, row.restarts, Place::Current))
        }
    }
}

fn ended(end: &Termination, id: &Arc<str>, restarts: u32, place: Place) -> Instance {
    Instance {
        id: Arc::clone(id),
        restarts,
        started: Some(end.started),
        fate: Fate::Ended {
            at: end.finished,
            place,
        },
    }
}

/// The id of the instance that is served at `place`.
pub(super) fn served(row: &ContainerRow, place: Place) -> Option<Arc<str>> {
    match place {
        Place::Current => current(row).map(|instance| instance.id),
        Place::Previous => row.last.as_ref().map(|last| Arc::clone(&last.id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContainerKind;

    fn termination(id: &str) -> Termination {
        Termination {
            id: id.into(),
            exit_code: 1,
            signal: 0,
            reason: "Error".into(),
            message: "".into(),
            started: Time::from_secs(1),
            finished: Time::from_secs(2),
        }
    }

    fn check(id: &str, restarts: u32, state: ContainerState, last: Option<&str>, expected: &[(&str, u32, Fate)]) {
        let row = ContainerRow {
            name: "api".into(),
            kind: ContainerKind::Main,
            image: "".into(),
            ready: false,
            restarts,
            id: id.into(),
            state,
            last: last.map(termination),
        };
        let found = instances(&row);
        let found: Vec<_> = found
            .iter()
            .map(|found| (&*found.id, found.restarts, found.fate))
            .collect();
        assert_eq!(found, expected);
    }

    /// A crash loop as a watch of a real cluster showed it.
    #[test]
    fn instances_are_followed_through_a_crash_loop() {
        let waiting = || ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: "".into(),
        };
        let running = || ContainerState::Running {
            since: Time::from_secs(3),
        };
        let at = Time::from_secs(2);
        let current = Fate::Ended {
            at,
            place: Place::Current,
        };
        let previous = Fate::Ended {
            at,
            place: Place::Previous,
        };
        check("", 0, ContainerState::Unknown, None, &[]);
        check(
            "",
            0,
            ContainerState::Waiting {
                reason: "ContainerCreating".into(),
                message: "".into(),
            },
            None,
            &[],
        );
        check("a", 3, waiting(), Some("a"), &[("a", 3, current)]);
        check(
            "b",
            4,
            running(),
            Some("a"),
            &[("a", 3, previous), ("b", 4, Fate::Running)],
        );
        check(
            "b",
            4,
            ContainerState::Terminated(termination("b")),
            Some("a"),
            &[("a", 3, previous), ("b", 4, current)],
        );
        check("b", 4, waiting(), Some("b"), &[("b", 4, current)]);
        check("", 1, running(), Some("a"), &[("a", 0, previous)]);
    }
}
