//! The embedded clusters as any HTTP client sees them: compared with what a real kube-apiserver 1.36 answered.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may panic, also in its helpers, and measures real time"
)]

mod client;
mod cluster;
mod faults;
pub(crate) mod tls;

use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use kontrast::demo::api::{Api, Body};
use kontrast::demo::clock::Now;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use self::cluster::api_as;

/// An answer, read whole.
struct Answer {
    code: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    fn content_type(&self) -> &str {
        self.headers
            .get("content-type")
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The objects of a watch's lines, each with its type.
    fn events(&self) -> Vec<(String, Value)> {
        let event = |line: &str| {
            let mut event: Value = serde_json::from_str(line).unwrap();
            (event["type"].as_str().unwrap().to_owned(), event["object"].take())
        };
        self.text.lines().map(event).collect()
    }
}

async fn send(api: Api, request: Request<Full<bytes::Bytes>>) -> http::Response<Body> {
    api.oneshot(request).await.unwrap()
}

async fn read(response: http::Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Answer {
        code: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn get_as(user: &str, path: &str) -> Answer {
    let request = Request::get(path).body(Full::default()).unwrap();
    read(send(api_as(user), request).await).await
}

async fn get(path: &str) -> Answer {
    get_as("admin", path).await
}

async fn get_accepting(path: &str, accept: &str) -> Answer {
    let request = Request::get(path)
        .header("accept", accept)
        .body(Full::default())
        .unwrap();
    read(send(api_as("admin"), request).await).await
}

async fn write(api: Api, (method, path): (Method, &str), (media, body): (&str, Value)) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media)
        .body(Full::from(body.to_string()))
        .unwrap();
    read(send(api, request).await).await
}

async fn post_as(user: &str, path: &str, body: Value) -> Answer {
    write(api_as(user), (Method::POST, path), ("application/json", body)).await
}

/// The wall clock, for clusters that live.
pub(crate) fn now() -> Now {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    Arc::new(move || {
        let since = epoch.elapsed().expect("a clock after 1970");
        i64::try_from(since.as_nanos()).expect("a clock before 2262")
    })
}

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
const SHOP: &str = "/api/v1/namespaces/shop";
const MISC: &str = "/api/v1/namespaces/misc";

/// A refusal with this code and message, and with these other fields of the `Status`.
#[track_caller]
fn check_refusal(answer: &Answer, code: u16, message: &str, rest: &Value) {
    let mut expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code
    });
    let fields = expected.as_object_mut().unwrap();
    fields.extend(rest.as_object().unwrap().clone());
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.code, code);
    assert_eq!(answer.content_type(), "application/json");
    assert_eq!(answer.headers["cache-control"], "no-cache, private");
    assert_eq!(answer.headers["audit-id"].len(), 36);
}

#[tokio::test]
async fn the_version_is_that_of_a_real_server() {
    let answer = get("/version").await;
    assert_eq!(answer.json()["gitVersion"], "v1.36.2");
    assert_eq!(answer.headers["audit-id"].len(), 36);
    assert!(
        answer.text.starts_with("{\n  \"major\": \"1\",\n  \"minor\": \"36\""),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn pods_are_listed_in_pages() {
    let first = get(&format!("{SHOP}/pods?limit=1")).await.json();
    assert_eq!(
        (&first["kind"], &first["apiVersion"]),
        (&json!("PodList"), &json!("v1"))
    );
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    let pod = &first["items"][0];
    assert!(pod.get("kind").is_none(), "items of a list do not repeat their kind");
    assert_eq!(pod["metadata"]["name"], "api-0");
    let continued = first["metadata"]["continue"].as_str().unwrap();
    let second = get(&format!("{SHOP}/pods?limit=1&continue={continued}")).await.json();
    assert_eq!(second["items"][0]["metadata"]["name"], "noisy");
    assert_eq!(second["metadata"].as_object().unwrap().len(), 1, "only the version");
    check_refusal(
        &get(&format!("{SHOP}/pods?limit=2&continue=zzz")).await,
        400,
        "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value",
        &json!({"reason": "BadRequest"}),
    );
}

#[tokio::test]
async fn pods_are_listed_as_a_table() {
    let answer = get_accepting(&format!("{SHOP}/pods?limit=1"), TABLE).await;
    assert_eq!(answer.content_type(), "application/json");
    let table = answer.json();
    assert_eq!(
        (&table["kind"], &table["apiVersion"]),
        (&json!("Table"), &json!("meta.k8s.io/v1"))
    );
    let columns: Vec<_> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    let expected = [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
        "IP",
        "Node",
        "Nominated Node",
        "Readiness Gates",
    ];
    assert_eq!(columns, expected);
    assert_eq!(table["columnDefinitions"][0]["format"], "name");
    let row = &table["rows"][0];
    let expected = json!([
        "api-0",
        "0/1",
        "Error",
        "5 (83s ago)",
        "3m11s",
        "10.30.0.30",
        "prod-node-1",
        "<none>",
        "<none>"
    ]);
    assert_eq!(row["cells"], expected);
    assert_eq!(row["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(row["object"]["metadata"]["labels"]["app"], "api");
    assert!(row["object"].get("spec").is_none());
}

#[tokio::test]
async fn metadata_alone_can_be_listed() {
    let list = get_accepting(&format!("{SHOP}/pods"), METADATA).await.json();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    let item = &list["items"][0];
    assert_eq!(
        (&item["kind"], &item["apiVersion"]),
        (&json!("PartialObjectMetadata"), &json!("meta.k8s.io/v1"))
    );
    assert!(item.get("spec").is_none());
}

#[tokio::test]
async fn selectors_choose_and_wrong_ones_are_refused() {
    let names = async |query: &str| -> Vec<String> {
        let list = get(&format!("{SHOP}/pods?{query}")).await.json();
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("labelSelector=app%20in%20(api,db)").await, ["api-0"]);
    assert_eq!(names("labelSelector=app!=api").await, ["noisy"]);
    assert_eq!(
        names("fieldSelector=metadata.name=noisy,status.phase=Running").await,
        ["noisy"]
    );
    check_refusal(
        &get(&format!("{SHOP}/pods?fieldSelector=spec.foo=1")).await,
        400,
        "field label not supported: spec.foo",
        &json!({"reason": "BadRequest"}),
    );
    check_refusal(
        &get(&format!("{SHOP}/pods?labelSelector=app%20in%20b")).await,
        400,
        "unable to parse requirement: found 'b', expected: '('",
        &json!({"reason": "BadRequest"}),
    );
}

#[tokio::test]
async fn a_watch_starts_with_the_state_and_a_bookmark() {
    let query =
        "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1";
    let answer = get_accepting(&format!("{SHOP}/pods?{query}"), METADATA).await;
    assert_eq!(
        (answer.code, answer.content_type()),
        (StatusCode::OK, "application/json")
    );
    let events = answer.events();
    let kinds: Vec<_> = events.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["ADDED", "ADDED", "BOOKMARK"]);
    let (_, bookmark) = events.last().unwrap();
    assert_eq!(bookmark["kind"], "PartialObjectMetadata");
    assert_eq!(
        bookmark["metadata"]["annotations"],
        json!({"k8s.io/initial-events-end": "true"})
    );
}

#[tokio::test]
async fn a_table_watch_names_its_columns_once() {
    let answer = get_accepting(&format!("{SHOP}/pods?watch=1&timeoutSeconds=1"), TABLE).await;
    let events = answer.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].1["columnDefinitions"].as_array().unwrap().len(), 9);
    assert_eq!(events[1].1["columnDefinitions"], Value::Null);
    assert_eq!(events[1].1["rows"][0]["cells"][0], "noisy");
}

#[tokio::test]
async fn watches_and_lists_of_wrong_versions_are_refused() {
    let cause = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    let field = "resourceVersionMatch";
    check_refusal(
        &get(&format!("{SHOP}/pods?watch=1&sendInitialEvents=true&timeoutSeconds=4")).await,
        422,
        &format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: {cause}"),
        &json!({"reason": "Invalid", "details": {"group": "meta.k8s.io", "kind": "ListOptions", "causes": [
            {"reason": "FieldValueForbidden", "message": cause, "field": field}
        ]}}),
    );
    let answer = get(&format!("{SHOP}/pods?watch=1&resourceVersion=1&timeoutSeconds=4")).await;
    assert_eq!(answer.code, 200, "the error is in the stream");
    let (kind, status) = answer.events().remove(0);
    assert_eq!(
        (kind.as_str(), &status["code"], &status["reason"]),
        ("ERROR", &json!(410), &json!("Expired"))
    );
    assert!(
        status["message"]
            .as_str()
            .unwrap()
            .starts_with("too old resource version: 1 (")
    );
    check_refusal(
        &get(&format!(
            "{SHOP}/pods?resourceVersion=1&resourceVersionMatch=Exact&limit=1"
        ))
        .await,
        410,
        "The resourceVersion for the provided list is too old.",
        &json!({"reason": "Expired"}),
    );
    let expired = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NTAsInN0YXJ0IjoiYVx1MDAwMCJ9";
    let answer = get(&format!("{SHOP}/pods?limit=2&continue={expired}")).await;
    assert_eq!(answer.code, 410);
    let fresh = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYVx1MDAwMCJ9";
    assert_eq!(answer.json()["metadata"]["continue"], fresh);
}

#[tokio::test(start_paused = true)]
async fn a_version_of_the_future_is_waited_for() {
    let answer = get(&format!(
        "{SHOP}/pods?watch=1&resourceVersion=99999999&timeoutSeconds=5"
    ))
    .await;
    assert_eq!((answer.code, answer.text.as_str()), (StatusCode::OK, ""));
    let answer = get(&format!("{SHOP}/pods?resourceVersion=99999999")).await;
    assert_eq!(answer.headers["retry-after"], "1");
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("Timeout: Too large resource version: 99999999, current: "),
        "{message}"
    );
    check_refusal(
        &answer,
        504,
        &message,
        &json!({"reason": "Timeout", "details": {"retryAfterSeconds": 1, "causes": [
            {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        ]}}),
    );
}

#[tokio::test]
async fn logs_are_given_or_refused_as_by_a_kubelet() {
    let answer = get(&format!("{SHOP}/pods/noisy/log?timestamps=true&tailLines=1")).await;
    assert_eq!((answer.code, answer.content_type()), (StatusCode::OK, "text/plain"));
    assert_eq!(answer.text, "2026-11-22T15:30:04.500000000Z seq=2\n");
    assert_eq!(
        get(&format!("{SHOP}/pods/noisy/log?limitBytes=9")).await.text,
        "seq=1\nseq"
    );
    let gone = get(&format!("{SHOP}/pods/api-0/log?previous=true&timestamps=true")).await;
    assert_eq!(gone.code, 200);
    assert_eq!(gone.text, "unable to retrieve container logs for containerd://0000");
    let unscheduled = get(&format!("{MISC}/pods/unschedulable/log")).await;
    assert_eq!(
        (unscheduled.code, unscheduled.text.as_str()),
        (StatusCode::NO_CONTENT, "")
    );
    for (path, message) in [
        (
            "misc/pods/badimage/log",
            "container \"app\" in pod \"badimage\" is waiting to start: trying and failing to pull image",
        ),
        (
            "misc/pods/badconfig/log?follow=true",
            "container \"app\" in pod \"badconfig\" is waiting to start: CreateContainerConfigError",
        ),
        (
            "shop/pods/noisy/log?container=nope",
            "container nope is not valid for pod noisy",
        ),
        (
            "misc/pods/multi/log",
            "a container name must be specified for pod multi, choose one of: [setup sidecar web worker]",
        ),
        (
            "shop/pods/noisy/log?previous=true",
            "previous terminated container \"noisy\" in pod \"noisy\" not found",
        ),
    ] {
        let answer = get(&format!("/api/v1/namespaces/{path}")).await;
        check_refusal(&answer, 400, message, &json!({"reason": "BadRequest"}));
    }
    check_refusal(
        &get(&format!("{SHOP}/pods/none/log")).await,
        404,
        "pods \"none\" not found",
        &json!({"reason": "NotFound", "details": {"name": "none", "kind": "pods"}}),
    );
    check_refusal(
        &get(&format!(
            "{MISC}/pods/multi/log?container=worker&stream=Stderr&tailLines=3"
        ))
        .await,
        422,
        "PodLogOptions \"multi\" is invalid: stream: Forbidden: may not be specified",
        &json!({"reason": "Invalid", "details": {"name": "multi", "kind": "PodLogOptions", "causes": [
            {"reason": "FieldValueForbidden", "message": "Forbidden: may not be specified", "field": "stream"}
        ]}}),
    );
}

#[tokio::test]
async fn who_may_not_is_told_what() {
    for (path, message) in [
        (
            "/api/v1/namespaces/default/pods",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default""#,
        ),
        (
            "/api/v1/pods?limit=5",
            r#"pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope"#,
        ),
        (
            "/api/v1/pods?watch=1",
            r#"pods is forbidden: User "jane" cannot watch resource "pods" in API group "" at the cluster scope"#,
        ),
    ] {
        let answer = get_as("jane", path).await;
        check_refusal(
            &answer,
            403,
            message,
            &json!({"reason": "Forbidden", "details": {"kind": "pods"}}),
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
    assert_eq!(get_as("jane", &format!("{SHOP}/pods?limit=1")).await.code, 200);
    let details = json!({"reason": "Forbidden", "details": {"name": "noisy", "kind": "pods"}});
    let place = r#"in API group "" in the namespace "shop""#;
    check_refusal(
        &post_as(
            "jane",
            &format!("{SHOP}/pods/noisy/exec?command=id&stdout=true"),
            json!({}),
        )
        .await,
        403,
        &format!(r#"pods "noisy" is forbidden: User "jane" cannot create resource "pods/exec" {place}"#),
        &details,
    );
    check_refusal(
        &get_as("creator", &format!("{SHOP}/pods/noisy/exec?command=id&stdout=true")).await,
        403,
        &format!(r#"pods "noisy" is forbidden: User "creator" cannot get resource "pods/exec" {place}"#),
        &details,
    );
    // Only `get`: the reason is empty, and this refusal is the handler's.
    let answer = get_as("getter", &format!("{SHOP}/pods/noisy/exec?command=id&stdout=true")).await;
    check_refusal(&answer, 403, "pods \"noisy\" is forbidden: ", &details);
    assert!(answer.headers.get("x-content-type-options").is_none());
}

#[tokio::test]
async fn credentials_are_looked_at() {
    let bogus = Request::get("/api/v1/namespaces").header("authorization", "Bearer bogus");
    let answer = read(send(cluster::api(), bogus.body(Full::default()).unwrap()).await).await;
    check_refusal(&answer, 401, "Unauthorized", &json!({"reason": "Unauthorized"}));
    let nobody = Request::get("/api/v1/namespaces").body(Full::default()).unwrap();
    check_refusal(
        &read(send(cluster::api(), nobody).await).await,
        403,
        r#"namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope"#,
        &json!({"reason": "Forbidden", "details": {"kind": "namespaces"}}),
    );
    let jane = Request::get(format!("{SHOP}/pods")).header("authorization", "Bearer jane-token");
    assert_eq!(
        send(cluster::api(), jane.body(Full::default()).unwrap()).await.status(),
        200
    );
    let as_jane = Request::get("/api/v1/pods")
        .header("impersonate-user", "jane")
        .body(Full::default())
        .unwrap();
    assert_eq!(send(api_as("admin"), as_jane).await.status(), 403);
}

#[tokio::test]
async fn reviews_say_what_is_allowed_and_who_asks() {
    let review = async |subresource: &str, verb: &str| {
        let attributes = json!({"namespace": "shop", "verb": verb, "resource": "pods", "subresource": subresource});
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes}
        });
        post_as("jane", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body).await
    };
    let allowed = review("log", "get").await;
    assert_eq!(allowed.code, 201);
    assert_eq!(
        (&allowed.json()["kind"], &allowed.json()["status"]["allowed"]),
        (&json!("SelfSubjectAccessReview"), &json!(true))
    );
    assert_eq!(
        review("exec", "create").await.json()["status"],
        json!({"allowed": false})
    );
    let rules = post_as(
        "jane",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        json!({"spec": {"namespace": "shop"}}),
    )
    .await;
    let status = rules.json()["status"].clone();
    assert_eq!(status["incomplete"], false);
    assert_eq!(status["resourceRules"][2]["resources"], json!(["pods", "pods/log"]));
    assert_eq!(status["nonResourceRules"][0]["nonResourceURLs"][0], "/api");
    let who = post_as("jane", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({})).await;
    let groups = json!(["shop-viewers", "system:authenticated"]);
    assert_eq!(
        who.json()["status"]["userInfo"],
        json!({"username": "jane", "groups": groups})
    );
}

#[tokio::test]
async fn what_is_not_served_is_not_found() {
    let answer = get("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods").await;
    assert_eq!(
        (answer.code, answer.text.as_str()),
        (StatusCode::NOT_FOUND, "404 page not found\n")
    );
    assert_eq!(answer.content_type(), "text/plain; charset=utf-8");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let answer = post_as("admin", &format!("{SHOP}/pods/noisy/log"), json!({})).await;
    check_refusal(
        &answer,
        405,
        "the server does not allow this method on the requested resource",
        &json!({"reason": "MethodNotAllowed", "details": {}}),
    );
    assert_eq!(get("/readyz").await.text, "ok");
    assert!(get("/readyz?verbose").await.text.ends_with("readyz check passed\n"));
}

#[tokio::test]
async fn events_have_two_groups() {
    let selector = "fieldSelector=involvedObject.kind=Pod,involvedObject.name=api-0";
    let core = get(&format!("{SHOP}/events?{selector}")).await.json();
    assert_eq!(
        (&core["kind"], &core["apiVersion"]),
        (&json!("EventList"), &json!("v1"))
    );
    assert_eq!(core["items"][0]["involvedObject"]["name"], "api-0");
    let new = get("/apis/events.k8s.io/v1/namespaces/shop/events?fieldSelector=regarding.name=api-0")
        .await
        .json();
    assert_eq!(new["apiVersion"], "events.k8s.io/v1");
    let event = &new["items"][0];
    assert_eq!(
        (&event["regarding"]["name"], &event["note"]),
        (&json!("api-0"), &json!("Back-off restarting failed container"))
    );
    assert_eq!(event["deprecatedCount"], 7);
}

const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn ephemeral_containers_are_added_and_wrong_ones_refused() {
    let api = api_as("admin");
    let path = format!("{SHOP}/pods/noisy/ephemeralcontainers");
    let added = |name: &str| json!({"spec": {"ephemeralContainers": [{"name": name, "image": "busybox:1.36", "targetContainerName": "noisy"}]}});
    let answer = write(api.clone(), (Method::PATCH, &path), (STRATEGIC, added("dbg"))).await;
    assert_eq!(answer.code, 200);
    let pod = answer.json();
    assert_eq!(
        (&pod["kind"], &pod["metadata"]["generation"]),
        (&json!("Pod"), &json!(2))
    );
    assert_eq!(
        pod["spec"]["ephemeralContainers"][0]["terminationMessagePath"],
        "/dev/termination-log"
    );
    let answer = write(api, (Method::PATCH, &path), (STRATEGIC, added("noisy"))).await;
    check_refusal(
        &answer,
        422,
        "Pod \"noisy\" is invalid: spec.ephemeralContainers[0].name: Duplicate value: \"noisy\"",
        &json!({"reason": "Invalid", "details": {"name": "noisy", "kind": "Pod", "causes": [
            {"reason": "FieldValueDuplicate", "message": "Duplicate value: \"noisy\"", "field": "spec.ephemeralContainers[0].name"}
        ]}}),
    );
}

#[tokio::test]
async fn writes_are_made_or_refused() {
    let api = api_as("admin");
    let dry = Request::delete(format!("{SHOP}/pods/noisy?dryRun=All"))
        .body(Full::default())
        .unwrap();
    let pod = read(send(api.clone(), dry).await).await.json();
    assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 1);
    assert_eq!(pod["metadata"]["deletionTimestamp"], "2026-11-22T15:30:06Z");
    check_refusal(
        &write(
            api.clone(),
            (Method::POST, "/api/v1/namespaces"),
            ("application/json", json!({"metadata": {"name": "shop"}})),
        )
        .await,
        409,
        "namespaces \"shop\" already exists",
        &json!({"reason": "AlreadyExists", "details": {"name": "shop", "kind": "namespaces"}}),
    );
    let wrong = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A_B"}, "spec": {"containers": []}});
    let answer = write(
        api.clone(),
        (Method::POST, &format!("{MISC}/pods")),
        ("application/json", wrong),
    )
    .await;
    assert_eq!(answer.code, 422);
    assert_eq!(answer.json()["details"]["causes"][1]["message"], "Required value");
    let scale = "/apis/apps/v1/namespaces/shop/deployments/api/scale";
    let answer = write(
        api.clone(),
        (Method::PATCH, scale),
        ("application/merge-patch+json", json!({"spec": {"replicas": 3}})),
    )
    .await;
    let answer = answer.json();
    assert_eq!(
        (&answer["kind"], &answer["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(
        (&answer["spec"], &answer["status"]["selector"]),
        (&json!({"replicas": 3}), &json!("app=api"))
    );
    let unknown = write(api, (Method::PATCH, scale), ("application/apply-patch+yaml", json!({}))).await;
    assert_eq!(unknown.code, 415);
}

#[tokio::test]
async fn exec_is_refused_before_the_upgrade() {
    let answer = get(&format!("{SHOP}/pods/noisy/exec?container=zzz&stdout=true&command=id")).await;
    check_refusal(
        &answer,
        400,
        "container zzz is not valid for pod noisy",
        &json!({"reason": "BadRequest"}),
    );
    let answer = get(&format!("{SHOP}/pods/none/exec?stdout=true&command=id")).await;
    let details = json!({"reason": "NotFound", "details": {"name": "none", "kind": "pods"}});
    check_refusal(&answer, 404, "pods \"none\" not found", &details);
    let waiting = get(&format!("{MISC}/pods/badimage/exec?stdout=true&command=id")).await;
    assert_eq!(
        (waiting.code.as_u16(), waiting.text.as_str()),
        (500, "container not found (\"app\")")
    );
    assert_eq!(waiting.content_type(), "text/plain; charset=utf-8");
    assert!(waiting.headers.get("audit-id").is_none(), "the answer is the node's");
    let plain = get(&format!("{SHOP}/pods/noisy/exec?stdout=true&command=id")).await;
    check_refusal(
        &plain,
        400,
        "Upgrade request required",
        &json!({"reason": "BadRequest"}),
    );
}
