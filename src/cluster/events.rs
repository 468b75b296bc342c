//! From a Kubernetes event, in either of its two generations of fields, to its slim row.

use k8s_openapi::api::core::v1::Event;

use super::rows::{of_jiff, time};
use crate::model::{ContextId, EventRow, ObjectRef};

/// The row of an event; nothing if it has no uid, which no server sends.
pub(super) fn event_row(context: ContextId, event: Event) -> Option<EventRow> {
    let series = event.series.unwrap_or_default();
    let event_time = event.event_time.map(|stamp| of_jiff(stamp.0));
    let created = event.metadata.creation_timestamp.as_ref().map(time).unwrap_or_default();
    let first = event
        .first_timestamp
        .as_ref()
        .map(time)
        .or(event_time)
        .unwrap_or(created);
    let last = series.last_observed_time.map(|stamp| of_jiff(stamp.0));
    let last = last
        .or_else(|| event.last_timestamp.as_ref().map(time))
        .unwrap_or(first);
    let count = series.count.or(event.count).unwrap_or(1);
    let about = event.involved_object;
    let source = event
        .source
        .and_then(|source| source.component)
        .filter(|name| !name.is_empty());
    Some(EventRow {
        uid: event.metadata.uid?.into(),
        about: ObjectRef {
            context,
            kind: about.kind.unwrap_or_default().into(),
            namespace: about.namespace.unwrap_or_default().into(),
            name: about.name.unwrap_or_default().into(),
        },
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.unwrap_or_default().into(),
        message: event.message.unwrap_or_default().into(),
        source: source.or(event.reporting_component).unwrap_or_default().into(),
        count: u32::try_from(count).unwrap_or(1).max(1),
        first,
        last,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn row(event: Value) -> EventRow {
        event_row(ContextId(0), serde_json::from_value(event).unwrap()).unwrap()
    }

    #[test]
    fn both_generations_of_events_give_the_same_row() {
        let old = row(json!({
            "metadata": {"uid": "1", "name": "x", "namespace": "shop", "creationTimestamp": "2026-11-22T15:26:54Z"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "api-0"},
            "reason": "BackOff", "message": "Back-off restarting", "type": "Warning", "source": {"component": "kubelet"},
            "count": 5, "firstTimestamp": "2026-11-22T15:26:54Z", "lastTimestamp": "2026-11-22T15:27:54Z"
        }));
        assert_eq!((old.count, old.warning, &*old.source), (5, true, "kubelet"));
        assert_eq!(old.last.since(old.first).as_secs(), 60);
        let new = row(json!({
            "metadata": {"uid": "2", "name": "x", "namespace": "shop", "creationTimestamp": "2026-11-22T15:26:54Z"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "api-0"},
            "type": "Normal", "source": {}, "firstTimestamp": null, "lastTimestamp": null,
            "eventTime": "2026-11-22T15:26:54.567594Z", "reportingComponent": "default-scheduler",
            "series": {"count": 3, "lastObservedTime": "2026-11-22T15:26:55.567594Z"}
        }));
        assert_eq!((new.count, new.warning, &*new.source), (3, false, "default-scheduler"));
        assert_eq!(new.last.since(new.first).as_secs(), 1);
    }
}
