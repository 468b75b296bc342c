//! The `Table` form: the columns of each kind and the cells of an object, as `kubectl get` prints them.

mod duration;
mod pod;
mod workload;
mod core;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

use self::duration::age;
pub(super) use self::workload::selector;
use super::resource::Resource;
use super::show::{self, Shown};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    name: &'static str,
    kind: &'static str,
    format: &'static str,
    description: &'static str,
    /// Above 0: shown only by `-o wide`.
    priority: u8,
}

impl Column {
    const fn text(name: &'static str) -> Self {
        Self {
            name,
            kind: "string",
            format: "",
            description: "",
            priority: 0,
        }
    }

    const fn number(name: &'static str) -> Self {
        Self {
            kind: "integer",
            ..Self::text(name)
        }
    }

    const fn wide(name: &'static str) -> Self {
        Self {
            priority: 1,
            ..Self::text(name)
        }
    }

    const fn described(self, description: &'static str) -> Self {
        Self { description, ..self }
    }
}

const NAME: Column = Column {
    format: "name",
    ..Column::text("Name").described("Name must be unique within a namespace.")
};
const AGE: Column = Column::text("Age")
    .described("CreationTimestamp is a timestamp representing the server time when this object was created.");
/// Columns of a kind that has none of its own.
const OTHERS: &[Column] = &[
    NAME,
    Column {
        kind: "date",
        ..Column::text("Created At")
    },
];

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("name", self.name)?;
        map.serialize_entry("type", self.kind)?;
        map.serialize_entry("format", self.format)?;
        map.serialize_entry("description", self.description)?;
        map.serialize_entry("priority", &self.priority)?;
        map.end()
    }
}

/// What the `object` of a row holds (`includeObject`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Include {
    Nothing,
    Metadata,
    Object,
}

impl Include {
    pub(super) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("None") => Self::Nothing,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// How the rows of one resource are made.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) resource: Resource,
    pub(super) include: Include,
}

pub(super) fn columns(resource: &Resource) -> &'static [Column] {
    pod::columns(resource.plural)
        .or_else(|| workload::columns(resource.plural))
        .or_else(|| core::columns(resource.plural))
        .unwrap_or(OTHERS)
}

/// The cells of an object at a time in Unix nanoseconds.
pub(super) fn cells(resource: &Resource, object: &Value, now: i64) -> Vec<Value> {
    let cells = match resource.plural {
        "pods" => Some(pod::cells(object, now)),
        "events" => Some(core::event_cells(object, now)),
        plural => workload::cells(plural, object, now).or_else(|| core::cells(plural, object, now)),
    };
    cells.unwrap_or_else(|| vec![name(object), object["metadata"]["creationTimestamp"].clone()])
}

/// One row.
pub(super) struct Row<'a> {
    pub(super) rows: &'a Rows,
    pub(super) object: &'a Value,
    /// Unix nanoseconds.
    pub(super) now: i64,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = &self.rows.resource;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("cells", &cells(resource, self.object, self.now))?;
        match self.rows.include {
            Include::Nothing => map.serialize_entry("object", &Value::Null)?,
            Include::Metadata => map.serialize_entry(
                "object",
                &Shown {
                    kind: "PartialObjectMetadata",
                    api_version: "meta.k8s.io/v1",
                    object: &show::metadata_of(self.object),
                },
            )?,
            Include::Object => map.serialize_entry(
                "object",
                &Shown {
                    kind: resource.kind,
                    api_version: &resource.group_version(),
                    object: &show::in_version(resource, self.object),
                },
            )?,
        }
        map.end()
    }
}

/// A whole table.
pub(super) struct Table<'a> {
    /// `resourceVersion`, and for a list `continue` and `remainingItemCount`.
    pub(super) metadata: Value,
    /// `None` after the first event of a watch.
    pub(super) columns: Option<&'static [Column]>,
    pub(super) rows: Vec<Row<'a>>,
}

impl Serialize for Table<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("kind", "Table")?;
        map.serialize_entry("apiVersion", "meta.k8s.io/v1")?;
        map.serialize_entry("metadata", &self.metadata)?;
        map.serialize_entry("columnDefinitions", &self.columns)?;
        map.serialize_entry("rows", &self.rows)?;
        map.end()
    }
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

fn age_of(object: &Value, now: i64) -> Value {
    json!(age(&object["metadata"]["creationTimestamp"], now))
}

/// Text or `<none>`.
fn text_or_none(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if !text.is_empty() => json!(text),
        _ => json!("<none>"),
    }
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// `a=b,c=d` of a map, or `<none>`.
fn pairs(map: &Value) -> String {
    let pairs = map.as_object().map(|map| {
        map.iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(",")
    });
    pairs
        .filter(|pairs| !pairs.is_empty())
        .unwrap_or_else(|| "<none>".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;

    #[test]
    fn every_kind_has_as_many_cells_as_columns() {
        for resource in resource::all() {
            let object = json!({"metadata": {"name": "x", "creationTimestamp": "2026-11-22T15:30:00Z"}});
            let row = cells(&resource, &object, 1_795_361_426_000_000_000);
            assert_eq!(row.len(), columns(&resource).len(), "{}", resource.plural);
        }
    }

    #[test]
    fn a_table_has_the_shape_of_the_real_one() {
        let resource = resource::all().into_iter().find(|r| r.plural == "configmaps").unwrap();
        let rows = Rows {
            resource,
            include: Include::Metadata,
        };
        let object =
            json!({"metadata": {"name": "c", "creationTimestamp": "2026-11-22T15:30:00Z"}, "data": {"a": "1"}});
        let row = Row {
            rows: &rows,
            object: &object,
            now: 1_795_361_426_000_000_000,
        };
        let table = Table {
            metadata: json!({"resourceVersion": "7"}),
            columns: None,
            rows: vec![row],
        };
        assert_eq!(
            serde_json::to_value(&table).unwrap(),
            json!({
                "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
                "columnDefinitions": null,
                "rows": [{"cells": ["c", 1, "26s"], "object": {
                    "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                    "metadata": {"name": "c", "creationTimestamp": "2026-11-22T15:30:00Z"}
                }}]
            })
        );
    }
}
