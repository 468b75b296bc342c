//! How many of the containers of a cluster were followed, and what became of the others, in one line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{StreamState, Target};
use crate::text::display;

/// Containers that are named, of those in the same plight.
const NAMED: usize = 3;

/// One line about these containers of one cluster; nothing if all of them are followed.
pub fn line(streams: &[(&Target, &StreamState)]) -> Option<String> {
    let mut plights: BTreeMap<(&'static str, Option<&str>), Vec<&Target>> = BTreeMap::new();
    for (target, state) in streams {
        if let Some(plight) = plight(state) {
            plights.entry(plight).or_default().push(target);
        }
    }
    let amiss: usize = plights.values().map(Vec::len).sum();
    if amiss == 0 {
        return None;
    }
    let all = streams.len();
    let mut out = format!("{} of {all} containers followed", all - amiss);
    for ((word, cause), targets) in plights {
        // Writing to a string cannot fail.
        let _ = write!(out, "; {} {word}", targets.len());
        if let Some(cause) = cause {
            let _ = write!(out, " ({})", display::plain(cause));
        }
        let names: Vec<_> = targets.iter().take(NAMED).map(|target| name(target)).collect();
        let _ = write!(out, ": {}", names.join(", "));
        if targets.len() > NAMED {
            let _ = write!(out, " and {} more", targets.len() - NAMED);
        }
    }
    Some(out)
}

fn name(target: &Target) -> String {
    let pod = &target.pod;
    let name = format!("{}/{} {}", pod.namespace, pod.name, target.container);
    display::plain(&name).into_owned()
}

/// In what way a container is not followed, and why.
fn plight(state: &StreamState) -> Option<(&'static str, Option<&str>)> {
    match state {
        StreamState::Live | StreamState::Quiet { .. } | StreamState::Ended | StreamState::Gone => None,
        StreamState::Opening => Some(("not opened yet", None)),
        StreamState::Stalled { .. } => Some(("stalled", None)),
        StreamState::Polled { cap, .. } => Some(("asked now and then", Some(cap))),
        StreamState::Waiting { reason } => Some(("waiting to start", Some(reason))),
        StreamState::Reconnecting { cause, .. } => Some(("disconnected", Some(cause))),
        StreamState::Denied { cause } => Some(("denied", Some(cause))),
        StreamState::Throttled { .. } => Some(("throttled", None)),
        StreamState::NotFollowed { cap } => Some(("not followed", Some(cap))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContextId, PodKey, Time};

    fn target(n: usize) -> Target {
        let pod = PodKey {
            context: ContextId(0),
            namespace: "shop".into(),
            name: format!("api-{n}").into(),
            uid: format!("{n}").into(),
        };
        Target {
            pod,
            container: "api".into(),
        }
    }

    fn check(states: &[StreamState], expected: Option<&str>) {
        let targets: Vec<_> = (0..states.len()).map(target).collect();
        let streams: Vec<_> = targets.iter().zip(states).collect();
        assert_eq!(line(&streams).as_deref(), expected);
    }

    #[test]
    fn nothing_is_said_while_all_are_followed() {
        let since = Time::from_secs(1);
        check(&[], None);
        check(&[StreamState::Live, StreamState::Quiet { since }], None);
    }

    #[test]
    fn who_is_not_followed_is_counted_and_named() {
        let since = Time::from_secs(1);
        check(
            &[StreamState::Live, StreamState::Stalled { since }],
            Some("1 of 2 containers followed; 1 stalled: shop/api-1 api"),
        );
        let denied = StreamState::Denied {
            cause: "pods is \u{1b}[31m forbidden".into(),
        };
        let capped = StreamState::NotFollowed {
            cap: "at most 4".into(),
        };
        let words = "1 of 6 containers followed; 1 denied (pods is ␛[31m forbidden): shop/api-1 api; \
                     4 not followed (at most 4): shop/api-2 api, shop/api-3 api, shop/api-4 api and 1 more";
        let mut states = vec![StreamState::Live, denied];
        states.extend(vec![capped; 4]);
        check(&states, Some(words));
    }
}
