//! `OpenAPI` v3 as far as clients need it before they write: that every kind can be patched with `fieldValidation` and
//! `dryRun`. The schemas of the kinds are not here.

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::digest::sha256;
use super::reply::{self, Body, Layout};
use super::resource::Resource;

/// Answers `/openapi/v3` and what lies below it; `None` if there is nothing there.
pub(super) fn answer(resources: &[Resource], parts: &[&str], layout: Layout) -> Option<Response<Body>> {
    let document = match parts {
        [] => root(resources),
        [root @ ("api" | "apis"), rest @ ..] => {
            let path = format!("{root}/{}", rest.join("/"));
            of_version(resources, &path)?
        }
        _ => return None,
    };
    Some(reply::json(StatusCode::OK, layout, &document))
}

/// `api/v1`, `apis/apps/v1`.
fn path_of(resource: &Resource) -> String {
    let root = if resource.group.is_empty() { "api" } else { "apis" };
    format!("{root}/{}", resource.group_version())
}

fn root(resources: &[Resource]) -> Value {
    let entries = resources.iter().map(|resource| {
        let path = path_of(resource);
        let hash = sha256(path.as_bytes()).to_uppercase();
        let url = format!("/openapi/v3/{path}?hash={hash}");
        (path, json!({"serverRelativeURL": url}))
    });
    json!({"paths": entries.collect::<Map<_, _>>()})
}

fn of_version(resources: &[Resource], path: &str) -> Option<Value> {
    let of_version: Vec<_> = resources.iter().filter(|resource| path_of(resource) == path).collect();
    if of_version.is_empty() {
        return None;
    }
    let paths: Map<_, _> = of_version
        .iter()
        .filter(|resource| resource.allows("patch"))
        .map(|resource| operations(resource, path))
        .collect();
    let info = json!({"title": "Kubernetes", "version": "v1.36.2"});
    Some(json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}))
}

fn operations(resource: &Resource, path: &str) -> (String, Value) {
    let place = if resource.is_namespaced {
        "namespaces/{namespace}/"
    } else {
        ""
    };
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<_> = ["dryRun", "fieldManager", "fieldValidation"].map(parameter).to_vec();
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let operation = json!({
        "operationId": format!("patch{}", resource.kind),
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": kind,
    });
    (
        format!("/{path}/{place}{}/{{name}}", resource.plural),
        json!({"patch": operation}),
    )
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;

    #[test]
    fn every_version_is_named_and_described() {
        let all = resource::all();
        let root = root(&all);
        let url = root["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().unwrap();
        assert!(url.starts_with("/openapi/v3/apis/apps/v1?hash="), "{url}");
        let document = of_version(&all, "apis/apps/v1").unwrap();
        let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(patch["parameters"][2]["name"], "fieldValidation");
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Deployment");
        assert_eq!(of_version(&all, "apis/metrics.k8s.io/v1"), None);
    }
}
