//! How objects are written: which form the client accepts, and keys in the order in which a real server writes them.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::resource::Resource;
use super::status::Status;

/// The representations of an object that a client can ask for by `Accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Table,
    /// `PartialObjectMetadata`.
    Metadata,
}

impl Form {
    /// The first representation in an `Accept` header that this server has.
    pub(super) fn accepted(accept: Option<&str>) -> Result<Self, Status> {
        accept
            .unwrap_or("*/*")
            .split(',')
            .find_map(Self::of_media_type)
            .ok_or_else(Status::not_acceptable)
    }

    fn of_media_type(clause: &str) -> Option<Self> {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next()?;
        if !matches!(media, "application/json" | "application/*" | "*/*" | "") {
            return None;
        }
        let (mut shape, mut group) = (None, None);
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => shape = Some(value),
                Some(("g", value)) => group = Some(value),
                _ => {}
            }
        }
        match (shape, group) {
            (None, _) => Some(Self::Plain),
            (Some("Table"), Some("meta.k8s.io")) => Some(Self::Table),
            (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("meta.k8s.io")) => Some(Self::Metadata),
            (Some(_), _) => None,
        }
    }
}

/// The keys of an object's metadata in the order of their protobuf numbers, in which a real server writes them.
const METADATA_ORDER: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// An object with its kind.
pub(super) struct Shown<'a> {
    pub(super) kind: &'a str,
    pub(super) api_version: &'a str,
    pub(super) object: &'a Value,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind)?;
        map.serialize_entry("apiVersion", self.api_version)?;
        serialize_rest(&mut map, self.object)?;
        map.end()
    }
}

/// An object in a list, which does not repeat the kind.
pub(super) struct Item<'a>(pub(super) &'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_rest(&mut map, self.0)?;
        map.end()
    }
}

fn serialize_rest<M: SerializeMap>(map: &mut M, object: &Value) -> Result<(), M::Error> {
    let Some(fields) = object.as_object() else {
        return Ok(());
    };
    if let Some(Value::Object(metadata)) = fields.get("metadata") {
        map.serialize_entry("metadata", &Metadata(metadata))?;
    }
    for (name, value) in fields {
        if !matches!(name.as_str(), "kind" | "apiVersion" | "metadata") {
            map.serialize_entry(name, value)?;
        }
    }
    Ok(())
}

struct Metadata<'a>(&'a Map<String, Value>);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in METADATA_ORDER {
            if let Some(value) = self.0.get(*name) {
                map.serialize_entry(name, value)?;
            }
        }
        for (name, value) in self.0 {
            if !METADATA_ORDER.contains(&name.as_str()) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// The object as that group and version show it: events have two faces.
pub(super) fn in_version<'a>(resource: &Resource, object: &'a Value) -> Cow<'a, Value> {
    match (resource.group, resource.plural) {
        ("events.k8s.io", "events") => Cow::Owned(as_new_event(object)),
        _ => Cow::Borrowed(object),
    }
}

/// `events.k8s.io/v1` of a core event: the same object with other names.
fn as_new_event(core: &Value) -> Value {
    let mut event = json!({
        "metadata": core["metadata"],
        "eventTime": core["eventTime"],
        "reportingController": core["reportingComponent"],
        "reportingInstance": core["reportingInstance"],
        "action": core["action"],
        "reason": core["reason"],
        "regarding": core["involvedObject"],
        "related": core["related"],
        "note": core["message"],
        "type": core["type"],
        "series": core["series"],
        "deprecatedSource": core["source"],
        "deprecatedFirstTimestamp": core["firstTimestamp"],
        "deprecatedLastTimestamp": core["lastTimestamp"],
        "deprecatedCount": core["count"],
    });
    if let Some(fields) = event.as_object_mut() {
        // Null stays only where the API declares the field without `omitempty`.
        fields.retain(|name, value| {
            !value.is_null()
                || matches!(
                    name.as_str(),
                    "eventTime" | "deprecatedFirstTimestamp" | "deprecatedLastTimestamp"
                )
        });
    }
    event
}

/// The object reduced to its metadata.
pub(super) fn metadata_of(object: &Value) -> Value {
    json!({"metadata": object["metadata"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_form_is_chosen() {
        fn check(accept: &str, expected: Option<Form>) {
            assert_eq!(Form::accepted(Some(accept)).ok(), expected, "{accept}");
        }
        check("*/*", Some(Form::Plain));
        check("application/json, */*", Some(Form::Plain));
        check(
            "application/vnd.kubernetes.protobuf,application/json",
            Some(Form::Plain),
        );
        check(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Some(Form::Table),
        );
        check(
            "application/json;as=Nothing;v=v1;g=meta.k8s.io, application/json",
            Some(Form::Plain),
        );
        check(
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            Some(Form::Metadata),
        );
        check("application/vnd.kubernetes.protobuf", None);
        assert_eq!(Form::accepted(None).ok(), Some(Form::Plain));
    }

    #[test]
    fn keys_come_in_the_order_of_a_real_server() {
        let object =
            json!({"apiVersion": "x", "metadata": {"labels": {}, "uid": "u", "name": "n", "zz": 1}, "spec": {}});
        let shown = Shown {
            kind: "Pod",
            api_version: "v1",
            object: &object,
        };
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"n","uid":"u","labels":{},"zz":1},"spec":{}}"#
        );
        assert_eq!(
            serde_json::to_string(&Item(&object)).unwrap(),
            r#"{"metadata":{"name":"n","uid":"u","labels":{},"zz":1},"spec":{}}"#
        );
    }

    #[test]
    fn an_event_has_two_faces() {
        let core = json!({
            "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"}, "reason": "BackOff", "message": "m",
            "source": {"component": "kubelet"}, "firstTimestamp": "t", "lastTimestamp": null, "count": 3, "type": "Warning",
            "eventTime": null, "reportingComponent": "kubelet", "reportingInstance": "node"
        });
        let new = as_new_event(&core);
        assert_eq!(new["note"], "m");
        assert_eq!(new["regarding"]["kind"], "Pod");
        assert_eq!(new["deprecatedCount"], 3);
        assert!(new.get("action").is_none());
        assert!(new.get("deprecatedLastTimestamp").is_some_and(Value::is_null));
    }
}
