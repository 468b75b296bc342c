//! One resource in the representation that a client asked for: single objects, lists, and the lines of a watch.

use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};

use super::reply::Layout;
use super::resource::Resource;
use super::show::{self, Form, Item, Shown};
use super::table::{self, Row, Rows, Table};

/// How one client sees one resource.
#[derive(Clone)]
pub(super) struct View {
    pub(super) rows: Rows,
    pub(super) form: Form,
    pub(super) layout: Layout,
}

/// The objects of one answer to a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) objects: Vec<Arc<Value>>,
    pub(super) version: u64,
    /// Where the next page starts.
    pub(super) continue_token: Option<String>,
    /// How many objects the following pages hold; unknown where a selector filters them.
    pub(super) remaining: Option<usize>,
}

impl Page {
    fn metadata(&self) -> Value {
        let mut metadata = json!({"resourceVersion": self.version.to_string()});
        if let Some(token) = &self.continue_token {
            metadata["continue"] = json!(token);
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }
}

impl View {
    fn resource(&self) -> &Resource {
        &self.rows.resource
    }

    /// A single object.
    pub(super) fn one(&self, object: &Value, now: i64) -> Vec<u8> {
        match self.form {
            Form::Table => {
                let columns = Some(table::columns(self.resource()));
                self.layout.write(&self.table_of(object, columns, now))
            }
            Form::Plain | Form::Metadata => self.write_whole(object, self.layout),
        }
    }

    /// One object as an event of a watch shows it; the columns come with the first event only.
    pub(super) fn watched(&self, object: &Value, is_first: bool, now: i64) -> Vec<u8> {
        match self.form {
            Form::Table => {
                let columns = is_first.then(|| table::columns(self.resource()));
                Layout::Compact.write(&self.table_of(object, columns, now))
            }
            Form::Plain | Form::Metadata => self.write_whole(object, Layout::Compact),
        }
    }

    /// A bookmark's object: a version, and the empty fields that Go writes.
    pub(super) fn bookmark(&self, version: u64, is_end_of_initial: bool) -> Vec<u8> {
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if is_end_of_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        match self.form {
            Form::Table => Layout::Compact.write(&Table {
                metadata,
                columns: None,
                rows: Vec::new(),
            }),
            Form::Metadata => self.write_whole(&json!({"metadata": metadata}), Layout::Compact),
            Form::Plain => self.write_whole(&self.bookmark_stub(&metadata), Layout::Compact),
        }
    }

    fn bookmark_stub(&self, metadata: &Value) -> Value {
        let pod_template = || json!({"metadata": {}, "spec": {"containers": null}});
        match self.resource().plural {
            "pods" => json!({"metadata": metadata, "spec": {"containers": null}, "status": {}}),
            "deployments" => {
                let spec = json!({"selector": null, "template": pod_template(), "strategy": {}});
                json!({"metadata": metadata, "spec": spec, "status": {}})
            }
            "replicasets" => {
                let spec = json!({"selector": null, "template": pod_template()});
                json!({"metadata": metadata, "spec": spec, "status": {"replicas": 0}})
            }
            "nodes" | "services" | "namespaces" => json!({"metadata": metadata, "spec": {}, "status": {}}),
            _ => json!({"metadata": metadata}),
        }
    }

    fn table_of<'a>(&'a self, object: &'a Value, columns: Option<&'static [table::Column]>, now: i64) -> Table<'a> {
        Table {
            metadata: json!({"resourceVersion": object["metadata"]["resourceVersion"]}),
            columns,
            rows: vec![Row {
                rows: &self.rows,
                object,
                now,
            }],
        }
    }

    fn write_whole(&self, object: &Value, layout: Layout) -> Vec<u8> {
        if self.form == Form::Metadata {
            return layout.write(&Shown {
                kind: "PartialObjectMetadata",
                api_version: "meta.k8s.io/v1",
                object: &show::metadata_of(object),
            });
        }
        layout.write(&Shown {
            kind: self.resource().kind,
            api_version: &self.resource().group_version(),
            object: &show::in_version(self.resource(), object),
        })
    }

    /// A list.
    pub(super) fn page(&self, page: &Page, now: i64) -> Vec<u8> {
        if self.form == Form::Table {
            let row = |object| Row {
                rows: &self.rows,
                object,
                now,
            };
            return self.layout.write(&Table {
                metadata: page.metadata(),
                columns: Some(table::columns(self.resource())),
                rows: page.objects.iter().map(|object| row(object)).collect(),
            });
        }
        self.layout.write(&List { view: self, page })
    }
}

struct List<'a> {
    view: &'a View,
    page: &'a Page,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = self.view.resource();
        let (kind, api_version) = match self.view.form {
            Form::Metadata => ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned()),
            Form::Plain | Form::Table => (format!("{}List", resource.kind), resource.group_version()),
        };
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &kind)?;
        map.serialize_entry("apiVersion", &api_version)?;
        map.serialize_entry("metadata", &self.page.metadata())?;
        map.serialize_entry("items", &Items(self))?;
        map.end()
    }
}

struct Items<'a>(&'a List<'a>);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let List { view, page } = self.0;
        let mut items = serializer.serialize_seq(Some(page.objects.len()))?;
        for object in &page.objects {
            if view.form == Form::Metadata {
                items.serialize_element(&Shown {
                    kind: "PartialObjectMetadata",
                    api_version: "meta.k8s.io/v1",
                    object: &show::metadata_of(object),
                })?;
            } else {
                items.serialize_element(&Item(&show::in_version(view.resource(), object)))?;
            }
        }
        items.end()
    }
}
