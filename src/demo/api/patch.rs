//! The three kinds of patch: merge (RFC 7386), strategic merge, JSON patch (RFC 6902).

use serde_json::{Map, Value};

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Merge,
    Strategic,
}

pub(super) const MEDIA_TYPES: &str =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

/// Operations of one JSON patch, as in a real server.
const MOST_OPERATIONS: usize = 10_000;
/// Values that the copies of one JSON patch may add; without a limit each copy could double the object.
const MOST_COPIED: usize = 100_000;
/// How deep an object may be nested, which is also what the JSON reader takes.
const DEEPEST: usize = 128;

impl Kind {
    pub(super) fn of_media_type(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }

    /// The patched document, or why the patch does not fit it.
    pub(super) fn apply(self, document: &Value, patch: &Value) -> Result<Value, String> {
        let mut patched = document.clone();
        match self {
            Self::Json => json_patch(&mut patched, patch)?,
            Self::Merge => merge(&mut patched, patch),
            Self::Strategic => strategic(&mut patched, patch),
        }
        if !is_shallower(&patched, DEEPEST) {
            return Err("the patched object is nested too deeply".to_owned());
        }
        Ok(patched)
    }
}

/// The value as a map, made one if it is something else.
fn object_of(value: &mut Value) -> Option<&mut Map<String, Value>> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

fn is_shallower(value: &Value, limit: usize) -> bool {
    let Some(below) = limit.checked_sub(1) else {
        return false;
    };
    match value {
        Value::Object(map) => map.values().all(|inner| is_shallower(inner, below)),
        Value::Array(list) => list.iter().all(|inner| is_shallower(inner, below)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(size).sum::<usize>(),
        Value::Array(list) => 1 + list.iter().map(size).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    let Some(map) = object_of(target) else { return };
    for (name, value) in fields {
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// The field that tells the items of a list apart; `None` where a list is replaced as a whole.
fn merge_key(list: &str, items: &[Value]) -> Option<&'static str> {
    match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => Some("name"),
        "conditions" | "addresses" => Some("type"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        "ownerReferences" => Some("uid"),
        "hostAliases" => Some("ip"),
        "taints" => Some("key"),
        "topologySpreadConstraints" => Some("topologyKey"),
        // Containers and services both have ports.
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => Some("containerPort"),
        "ports" => Some("port"),
        _ => None,
    }
}

fn strategic(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if fields.get("$patch").is_some_and(|directive| directive == "replace") {
        *target = without_directives(fields);
        return;
    }
    let Some(map) = object_of(target) else { return };
    if let Some(Value::Array(kept)) = fields.get("$retainKeys") {
        map.retain(|name, _| kept.iter().any(|keep| keep == name));
    }
    for (name, value) in fields {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            remove_values(map.get_mut(list), value);
        } else if name.starts_with('$') {
            // Orders are looked up when their list is merged.
        } else if value.is_null() {
            map.remove(name);
        } else if let Value::Array(items) = value {
            let order = fields.get(&format!("$setElementOrder/{name}"));
            merge_list(map.entry(name.clone()).or_insert(Value::Null), (name, items), order);
        } else {
            strategic(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn without_directives(fields: &Map<String, Value>) -> Value {
    let kept = fields.iter().filter(|(name, _)| !name.starts_with('$'));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn remove_values(list: Option<&mut Value>, unwanted: &Value) {
    if let (Some(Value::Array(list)), Value::Array(unwanted)) = (list, unwanted) {
        list.retain(|item| !unwanted.contains(item));
    }
}

fn merge_list(target: &mut Value, (name, items): (&str, &[Value]), order: Option<&Value>) {
    let existing = target.as_array().cloned().unwrap_or_default();
    if name == "finalizers" {
        let new = items.iter().filter(|item| !existing.contains(item)).cloned();
        *target = existing.iter().cloned().chain(new).collect();
        return;
    }
    let Some(key) = merge_key(name, items) else {
        *target = Value::Array(items.to_vec());
        return;
    };
    if items.iter().any(|item| item["$patch"] == "replace") {
        let kept = items.iter().filter(|item| item.get("$patch").is_none());
        *target = kept.cloned().collect();
        return;
    }
    let mut merged = existing;
    let mut new = Vec::new();
    for item in items {
        let place = merged
            .iter()
            .position(|old| old.get(key).is_some() && old.get(key) == item.get(key));
        match (place, item["$patch"] == "delete") {
            (Some(place), true) => drop(merged.remove(place)),
            (None, true) => {}
            (Some(place), false) => {
                if let Some(old) = merged.get_mut(place) {
                    strategic(old, item);
                }
            }
            (None, false) => {
                let mut added = Value::Null;
                strategic(&mut added, item);
                new.push(added);
            }
        }
    }
    // Without an order, what the patch brings comes first.
    new.append(&mut merged);
    if let Some(Value::Array(order)) = order {
        new.sort_by_key(|item| {
            order
                .iter()
                .position(|named| named[key] == item[key])
                .unwrap_or(usize::MAX)
        });
    }
    *target = Value::Array(new);
}

fn json_patch(document: &mut Value, patch: &Value) -> Result<(), String> {
    let Value::Array(operations) = patch else {
        return Err("json: cannot unmarshal object into Go value of type jsonpatch.Patch".to_owned());
    };
    if operations.len() > MOST_OPERATIONS {
        let count = operations.len();
        return Err(format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {count}"
        ));
    }
    let mut left = MOST_COPIED;
    operations
        .iter()
        .try_for_each(|operation| json_operation(document, operation, &mut left))
}

fn json_operation(document: &mut Value, operation: &Value, left: &mut usize) -> Result<(), String> {
    let path = operation["path"].as_str().unwrap_or_default();
    let from = operation["from"].as_str().unwrap_or_default();
    let missing = |path: &str| format!("doc is missing path: {path}: missing value");
    match operation["op"].as_str().unwrap_or_default() {
        "add" => add(document, path, operation["value"].clone()),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            let target = document.pointer_mut(path).ok_or_else(|| missing(path))?;
            *target = operation["value"].clone();
            Ok(())
        }
        "test" if document.pointer(path) == Some(&operation["value"]) => Ok(()),
        "test" => Err(format!("testing value {path} failed: test failed")),
        "move" => {
            let value = remove(document, from)?;
            add(document, path, value)
        }
        "copy" => copy(document, (from, path), left),
        other => Err(format!("Unexpected kind: {other}")),
    }
}

fn copy(document: &mut Value, (from, path): (&str, &str), left: &mut usize) -> Result<(), String> {
    let value = document.pointer(from);
    let value = value.ok_or_else(|| format!("doc is missing path: {from}: missing value"))?;
    if !is_shallower(value, DEEPEST) {
        return Err("the copied value is nested too deeply".to_owned());
    }
    let less = left.checked_sub(size(value));
    *left = less.ok_or("the copies of the patch are too large")?;
    let value = value.clone();
    add(document, path, value)
}

fn split_pointer(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let missing = || format!("doc is missing path: \"{path}\": missing value");
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (parent, name) = split_pointer(path).ok_or_else(missing)?;
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.insert(name, value)),
        Some(Value::Array(list)) if name == "-" => list.push(value),
        Some(Value::Array(list)) => {
            let place = name
                .parse()
                .ok()
                .filter(|place| *place <= list.len())
                .ok_or_else(missing)?;
            list.insert(place, value);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    let missing = || format!("remove operation does not apply: doc is missing path: \"{path}\": missing value");
    let (parent, name) = split_pointer(path).ok_or_else(missing)?;
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => map.remove(&name).ok_or_else(missing),
        Some(Value::Array(list)) => {
            let place: usize = name
                .parse()
                .ok()
                .filter(|place| *place < list.len())
                .ok_or_else(missing)?;
            Ok(list.remove(place))
        }
        _ => Err(missing()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_removes_with_null() {
        let document = json!({"a": {"b": 1, "c": 2}, "l": [1, 2]});
        let patched = Kind::Merge
            .apply(&document, &json!({"a": {"b": null, "d": 3}, "l": [9]}))
            .unwrap();
        assert_eq!(patched, json!({"a": {"c": 2, "d": 3}, "l": [9]}));
    }

    #[test]
    fn a_strategic_patch_merges_lists_by_their_key() {
        let document = json!({"spec": {"containers": [
            {"name": "a", "image": "a:1", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80}]},
            {"name": "b", "image": "b:1"}
        ], "args": ["x"]}});
        let patch = json!({"spec": {"containers": [
            {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}], "ports": [{"containerPort": 80, "name": "web"}]},
            {"name": "b", "$patch": "delete"},
            {"name": "c", "image": "c:1"}
        ], "$setElementOrder/containers": [{"name": "a"}, {"name": "c"}], "args": ["y"]}});
        let patched = Kind::Strategic.apply(&document, &patch).unwrap();
        assert_eq!(
            patched,
            json!({"spec": {"containers": [
                {"name": "a", "image": "a:2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}],
                 "ports": [{"containerPort": 80, "name": "web"}]},
                {"name": "c", "image": "c:1"}
            ], "args": ["y"]}})
        );
    }

    #[test]
    fn a_json_patch_follows_its_operations() {
        let document = json!({"a": {"x/y": 1}, "l": [1, 2]});
        let apply = |patch: Value| Kind::Json.apply(&document, &patch);
        let patched = apply(json!([
            {"op": "test", "path": "/a/x~1y", "value": 1},
            {"op": "remove", "path": "/a/x~1y"},
            {"op": "add", "path": "/l/1", "value": 9},
            {"op": "add", "path": "/l/-", "value": 7},
            {"op": "replace", "path": "/l/0", "value": 0},
            {"op": "copy", "from": "/l/0", "path": "/z"},
            {"op": "move", "from": "/z", "path": "/y"}
        ]));
        assert_eq!(patched.unwrap(), json!({"a": {}, "l": [0, 9, 2, 7], "y": 0}));
        assert!(apply(json!([{"op": "remove", "path": "/none"}])).is_err());
        assert!(apply(json!([{"op": "test", "path": "/l", "value": 1}])).is_err());
        assert!(apply(json!({})).is_err());
    }

    #[test]
    fn copies_cannot_grow_without_bound() {
        let double = json!([{"op": "copy", "from": "", "path": "/a"}, {"op": "copy", "from": "", "path": "/b"}]);
        let operations: Value = (0..40).flat_map(|_| double.as_array().unwrap().clone()).collect();
        assert!(Kind::Json.apply(&json!({}), &operations).is_err());
        let wrap = json!([{"op": "copy", "from": "/a", "path": "/b"}, {"op": "replace", "path": "/a", "value": {}},
            {"op": "move", "from": "/b", "path": "/a/a"}]);
        let deeper: Value = (0..200).flat_map(|_| wrap.as_array().unwrap().clone()).collect();
        assert!(Kind::Json.apply(&json!({"a": {}}), &deeper).is_err());
        let few: Value = wrap.as_array().unwrap().iter().cloned().collect();
        assert_eq!(
            Kind::Json.apply(&json!({"a": {}}), &few).unwrap(),
            json!({"a": {"a": {}}})
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            "(name|\\$patch|delete|/a)".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("(containers|name|op|path|\\$patch|a)", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_patch_is_applied_or_refused(document in any_json(), patch in any_json()) {
            for kind in [Kind::Json, Kind::Merge, Kind::Strategic] {
                drop(kind.apply(&document, &patch));
            }
        }
    }
}
