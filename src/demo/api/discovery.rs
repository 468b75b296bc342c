//! Discovery: version, health, and the lists of what is served, in the old form and the aggregated one.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, VARY};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use super::digest::sha256;
use super::openapi;
use super::query::Query;
use super::reply::{self, Body, Layout};
use super::resource::{Resource, Subresource};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// What `/readyz?verbose` lists.
const CHECKS: &[&str] = &["ping", "log", "informer-sync", "shutdown"];

/// A request for a path that is no resource.
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a Query,
    pub(super) headers: &'a HeaderMap,
    pub(super) layout: Layout,
}

/// Answers a path that is no resource; `None` if there is nothing there.
pub(super) fn answer(resources: &[Resource], asked: &Asked<'_>) -> Option<Response<Body>> {
    let parts: Vec<&str> = asked.path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["version"] => Some(reply::json(StatusCode::OK, Layout::Pretty, &Version::default())),
        ["healthz" | "livez" | "readyz", ..] => Some(health(asked, &parts)),
        ["api" | "apis"] if wants_aggregated(asked.headers) => Some(aggregated(resources, asked)),
        ["api"] => Some(ok(asked, &api_versions(asked.headers))),
        ["apis"] => Some(ok(asked, &group_list(resources))),
        ["openapi", "v3", rest @ ..] => openapi::answer(resources, rest, asked.layout),
        ["apis", group] => Some(ok(asked, &with_kind(group_of(resources, group)?, "APIGroup"))),
        ["api", version] => Some(ok(asked, &resource_list(resources, "", version)?)),
        ["apis", group, version] => Some(ok(asked, &resource_list(resources, group, version)?)),
        _ => None,
    }
}

fn ok(asked: &Asked<'_>, value: &Value) -> Response<Body> {
    reply::json(StatusCode::OK, asked.layout, value)
}

/// `/version` of the release whose answers this API gives. A struct, because the fields have an order.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    major: &'static str,
    minor: &'static str,
    emulation_major: &'static str,
    emulation_minor: &'static str,
    min_compatibility_major: &'static str,
    min_compatibility_minor: &'static str,
    #[serde(rename = "gitVersion")]
    release: &'static str,
    git_commit: &'static str,
    git_tree_state: &'static str,
    build_date: &'static str,
    #[serde(rename = "goVersion")]
    go: &'static str,
    compiler: &'static str,
    platform: &'static str,
}

impl Default for Version {
    fn default() -> Self {
        Self {
            major: "1",
            minor: "36",
            emulation_major: "1",
            emulation_minor: "36",
            min_compatibility_major: "1",
            min_compatibility_minor: "35",
            release: "v1.36.2",
            git_commit: "0000000000000000000000000000000000000000",
            git_tree_state: "clean",
            build_date: "2026-08-21T00:00:00Z",
            go: "go1.26.6",
            compiler: "gc",
            platform: "linux/amd64",
        }
    }
}

fn health(asked: &Asked<'_>, parts: &[&str]) -> Response<Body> {
    let endpoint = parts.first().copied().unwrap_or_default();
    if !asked.query.has("verbose") {
        return reply::text(StatusCode::OK, "ok");
    }
    let checks = CHECKS.iter().map(|check| format!("[+]{check} ok\n"));
    let last = format!("{endpoint} check passed\n");
    let lines: Vec<String> = checks.chain([last]).collect();
    reply::text(StatusCode::OK, lines.concat())
}

fn wants_aggregated(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(http::header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let first = accept
        .split(',')
        .find(|clause| clause.contains("json") || clause.contains("*/*"));
    first.is_some_and(|clause| {
        let has = |word: &str| clause.split(';').any(|part| part.trim() == word);
        has("g=apidiscovery.k8s.io") && has("v=v2") && has("as=APIGroupDiscoveryList")
    })
}

fn aggregated(resources: &[Resource], asked: &Asked<'_>) -> Response<Body> {
    let is_legacy = asked.path.trim_end_matches('/') == "/api";
    let mut items: Vec<Value> = Vec::new();
    for (group, versions) in groups(resources, is_legacy) {
        let versions: Vec<_> = versions
            .iter()
            .map(|version| {
                let of_version = resources.iter().filter(|r| r.group == group && r.version == *version);
                let resources: Vec<_> = of_version.map(discovered).collect();
                json!({"version": version, "resources": resources, "freshness": "Current"})
            })
            .collect();
        let metadata = if is_legacy { json!({}) } else { json!({"name": group}) };
        items.push(json!({"metadata": metadata, "versions": versions}));
    }
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items
    });
    let body = asked.layout.write(&list);
    let tag = format!("\"{}\"", sha256(&body).to_uppercase());
    let known = asked
        .headers
        .get(http::header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known == Some(tag.as_str()) {
        reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        reply::with_body(StatusCode::OK, "application/json", body)
    };
    let is_modified = response.status() == StatusCode::OK;
    let headers = response.headers_mut();
    if is_modified {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    headers.insert(VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// The groups in the order of discovery, each with its versions.
fn groups(resources: &[Resource], is_legacy: bool) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for resource in resources
        .iter()
        .filter(|resource| resource.group.is_empty() == is_legacy)
    {
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, versions)) if versions.contains(&resource.version) => {}
            Some((_, versions)) => versions.push(resource.version),
            None => groups.push((resource.group, vec![resource.version])),
        }
    }
    groups
}

fn discovered(resource: &Resource) -> Value {
    let response_kind = |kind: &str| json!({"group": "", "version": "", "kind": kind});
    let mut shown = json!({
        "resource": resource.plural,
        "responseKind": response_kind(resource.kind),
        "scope": if resource.is_namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        shown["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        shown["categories"] = json!(resource.categories);
    }
    if !resource.subresources.is_empty() {
        let subresources = resource.subresources.iter().map(|subresource| {
            let kind = match subresource.name {
                "scale" => json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}),
                _ => response_kind(subresource.kind),
            };
            json!({"subresource": subresource.name, "responseKind": kind, "verbs": subresource.verbs})
        });
        shown["subresources"] = subresources.collect();
    }
    shown
}

fn api_versions(headers: &HeaderMap) -> Value {
    let host = headers
        .get(http::header::HOST)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
    })
}

fn group(name: &str, versions: &[&str]) -> Value {
    let full = |version: &str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let preferred = versions.first().copied().unwrap_or_default();
    json!({
        "name": name,
        "versions": versions.iter().map(|version| full(version)).collect::<Vec<_>>(),
        "preferredVersion": full(preferred),
    })
}

fn group_list(resources: &[Resource]) -> Value {
    let groups: Vec<_> = groups(resources, false)
        .iter()
        .map(|(name, versions)| group(name, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group_of(resources: &[Resource], name: &str) -> Option<Value> {
    let groups = groups(resources, false);
    let (name, versions) = groups.iter().find(|(group, _)| *group == name)?;
    Some(group(name, versions))
}

fn with_kind(mut value: Value, kind: &str) -> Value {
    value["kind"] = json!(kind);
    value["apiVersion"] = json!("v1");
    value
}

fn resource_list(resources: &[Resource], group: &str, version: &str) -> Option<Value> {
    let of_version: Vec<_> = resources
        .iter()
        .filter(|r| r.group == group && r.version == version)
        .collect();
    let group_version = of_version.first()?.group_version();
    let listed: Vec<_> = of_version
        .iter()
        .flat_map(|resource| {
            let subresources = resource.subresources.iter();
            std::iter::once(listed(resource)).chain(subresources.map(|subresource| listed_part(resource, subresource)))
        })
        .collect();
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed
    }))
}

fn listed(resource: &Resource) -> Value {
    let mut shown = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        shown["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        shown["categories"] = json!(resource.categories);
    }
    shown
}

fn listed_part(resource: &Resource, subresource: &Subresource) -> Value {
    let mut shown = json!({
        "name": format!("{}/{}", resource.plural, subresource.name),
        "singularName": "",
        "namespaced": resource.is_namespaced,
        "kind": subresource.kind,
        "verbs": subresource.verbs,
    });
    if subresource.name == "scale" {
        shown["group"] = json!("autoscaling");
        shown["version"] = json!("v1");
    }
    shown
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, IF_NONE_MATCH};
    use http_body_util::BodyExt as _;

    use super::super::resource;
    use super::*;

    fn ask(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let asked = Asked {
            path,
            query: &Query::default(),
            headers,
            layout: Layout::Compact,
        };
        answer(&resource::all(), &asked)
    }

    async fn json_of(path: &str, accept: &'static str) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let body = ask(path, &headers)
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn the_aggregated_form_is_given_to_whom_asks_for_it() {
        let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let list = json_of("/api", accept).await;
        assert_eq!(list["kind"], "APIGroupDiscoveryList");
        let resources = list["items"][0]["versions"][0]["resources"].as_array().unwrap();
        let pods = resources
            .iter()
            .find(|resource| resource["resource"] == "pods")
            .unwrap();
        assert_eq!(pods["scope"], "Namespaced");
        assert_eq!(
            pods["subresources"][0],
            json!({
                "subresource": "attach", "responseKind": {"group": "", "version": "", "kind": "PodAttachOptions"},
                "verbs": ["create", "get"]
            })
        );
        assert_eq!(json_of("/apis", accept).await["items"][0]["metadata"]["name"], "apps");
        assert_eq!(json_of("/api", "application/json").await["kind"], "APIVersions");
    }

    #[tokio::test]
    async fn the_old_form_has_one_list_for_each_version() {
        assert_eq!(
            json_of("/apis", "*/*").await["groups"][0]["preferredVersion"]["groupVersion"],
            "apps/v1"
        );
        assert_eq!(json_of("/apis/apps", "*/*").await["kind"], "APIGroup");
        let list = json_of("/apis/apps/v1", "*/*").await;
        let names: Vec<_> = list["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["name"].as_str().unwrap())
            .collect();
        assert!(names.contains(&"deployments/scale"), "{names:?}");
        assert!(ask("/apis/metrics.k8s.io/v1beta1", &HeaderMap::new()).is_none());
    }

    #[test]
    fn an_unchanged_list_is_not_sent_again() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(AGGREGATED));
        let first = ask("/apis", &headers).unwrap();
        assert_eq!(first.headers()[CONTENT_TYPE], AGGREGATED);
        headers.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        let second = ask("/apis", &headers).unwrap();
        assert_eq!(second.status(), 304);
        assert_eq!(second.headers()[CACHE_CONTROL], "public");
    }
}
