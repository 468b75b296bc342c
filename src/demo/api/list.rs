//! Lists: pages with continue tokens, and the versions that a list can be asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Value, json};

use super::query::Query;
use super::selector::Selection;
use super::status::{Cause, Status, Subject};
use super::view::Page;
use crate::demo::store::{Change, Compacted, Key, Store};

/// How long the API waits for a version that is not there yet, as the watch cache does.
const VERSION_PATIENCE: Duration = Duration::from_secs(3);

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

/// What `resourceVersionMatch` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    Exact,
    NotOlderThan,
}

/// The options that lists and watches share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListOptions {
    /// 0 is no limit.
    pub(super) limit: usize,
    pub(super) continue_token: Option<String>,
    /// `None` is the newest.
    pub(super) version: Option<u64>,
    pub(super) matching: Option<Match>,
    pub(super) wants_initial_events: bool,
}

fn is_watch(query: &Query) -> bool {
    query.is_set("watch")
}

impl ListOptions {
    pub(super) fn parse(query: &Query) -> Result<Self, Status> {
        let matching = match query.get("resourceVersionMatch") {
            None => None,
            Some("Exact") => Some(Match::Exact),
            Some("NotOlderThan") => Some(Match::NotOlderThan),
            Some(other) => {
                let supported = "\"Exact\", \"NotOlderThan\"";
                let cause = Cause::unsupported("resourceVersionMatch", other, supported);
                return Err(invalid_options(cause));
            }
        };
        let options = Self {
            limit: integer(query, "limit")?.map_or(0, |limit| usize::try_from(limit).unwrap_or(0)),
            continue_token: query.get("continue").map(str::to_owned),
            version: version(query.get("resourceVersion"))?,
            matching,
            wants_initial_events: query.is_set("sendInitialEvents"),
        };
        options.check(query)?;
        Ok(options)
    }

    fn check(&self, query: &Query) -> Result<(), Status> {
        let forbidden = |field: &str, why: &str| Err(invalid_options(Cause::forbidden(field, why)));
        let has_initial = query.has("sendInitialEvents");
        if has_initial && !is_watch(query) {
            return forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        if has_initial && self.matching != Some(Match::NotOlderThan) {
            return forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            );
        }
        if is_watch(query) {
            return match (self.matching, has_initial) {
                (Some(_), false) => forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ),
                _ => Ok(()),
            };
        }
        match (self.matching, self.version) {
            (Some(_), _) if self.continue_token.is_some() => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden when continue is provided",
            ),
            (Some(_), None) => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ),
            (Some(Match::Exact), Some(0)) => forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ),
            _ => Ok(()),
        }
    }
}

fn invalid_options(cause: Cause) -> Status {
    let subject = Subject {
        kind: "ListOptions",
        group: "meta.k8s.io",
        name: "",
    };
    Status::invalid(&subject, vec![cause])
}

/// An integer parameter; a wrong one is refused in the words of Go.
pub(super) fn integer(query: &Query, name: &str) -> Result<Option<i64>, Status> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let wrong = |_| Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"));
    text.parse().map(Some).map_err(wrong)
}

fn version(text: Option<&str>) -> Result<Option<u64>, Status> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |_| {
        Status::bad_request(format!(
            "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
        ))
    };
    text.parse().map(Some).map_err(wrong)
}

/// Answers a list of one resource.
pub(super) async fn list(
    store: &Store,
    resource: &'static str,
    selection: &Selection,
    options: &ListOptions,
) -> Result<Page, Status> {
    if let Some(token) = &options.continue_token {
        return continued(store, resource, selection, (options, token));
    }
    if let Some(wanted) = options.version {
        reach(store, wanted).await?;
    }
    // A version and a limit without a match is an old client's way to say Exact.
    let is_exact = options.matching == Some(Match::Exact) || (options.matching.is_none() && options.limit > 0);
    match options.version {
        Some(exact) if is_exact && exact > 0 => {
            let objects = at_version(store, resource, exact)
                .map_err(|_| Status::expired("The resourceVersion for the provided list is too old."))?;
            Ok(page(objects, exact, selection, (options.limit, None)))
        }
        wanted => {
            let (objects, version) = store.list(resource, selection.namespace.as_deref());
            // Version 0 is served from a cache that knows no pages.
            let limit = if wanted == Some(0) { 0 } else { options.limit };
            Ok(page(objects, version, selection, (limit, None)))
        }
    }
}

/// Waits until the store has that version; 504 if it does not come.
pub(super) async fn reach(store: &Store, wanted: u64) -> Result<(), Status> {
    let mut changed = store.changed();
    let reached = tokio::time::timeout(VERSION_PATIENCE, changed.wait_for(|version| *version >= wanted)).await;
    match reached {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Status::too_large_version(wanted, store.version())),
    }
}

fn continued(
    store: &Store,
    resource: &'static str,
    selection: &Selection,
    (options, token): (&ListOptions, &str),
) -> Result<Page, Status> {
    if options.version.is_some_and(|version| version > 0) {
        return Err(Status::bad_request(
            "specifying resource version is not allowed when using continue",
        ));
    }
    let token = Token::read(token).map_err(|why| Status::bad_request(format!("invalid continue token: {why}")))?;
    let Ok(version) = u64::try_from(token.version) else {
        // A token for whatever is there now.
        let (objects, version) = store.list(resource, selection.namespace.as_deref());
        return Ok(page(objects, version, selection, (options.limit, Some(&token.start))));
    };
    if let Ok(objects) = at_version(store, resource, version) {
        return Ok(page(objects, version, selection, (options.limit, Some(&token.start))));
    }
    let mut status = Status::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
         the continue parameter, or use the continue token in this response to retrieve the remainder of the results. \
         Continuing with the provided token results in an inconsistent list - objects that were created, modified, or \
         deleted between the time the first chunk was returned and now may show up in the list.",
    );
    status.continue_token = Some(Token { version: -1, ..token }.write());
    Err(status)
}

/// The objects as they were: today's, with the events since undone.
fn at_version(store: &Store, resource: &'static str, version: u64) -> Result<Vec<Arc<Value>>, Compacted> {
    let (objects, newest) = store.list(resource, None);
    let mut by_key: BTreeMap<Key, Arc<Value>> = objects
        .into_iter()
        .map(|object| (Key::of(resource, &object), object))
        .collect();
    let events = store.since(resource, version)?;
    for event in events.into_iter().rev().filter(|event| event.version <= newest) {
        let key = Key::of(resource, &event.object);
        match (event.change, event.previous) {
            (Change::Modified | Change::Deleted, Some(previous)) => drop(by_key.insert(key, previous)),
            (Change::Added | Change::Modified | Change::Deleted, _) => drop(by_key.remove(&key)),
        }
    }
    Ok(by_key.into_values().collect())
}

fn page(objects: Vec<Arc<Value>>, version: u64, selection: &Selection, (limit, start): (usize, Option<&str>)) -> Page {
    let is_namespaced = selection.namespace.is_some();
    let mut selected: Vec<_> = objects
        .into_iter()
        .filter(|object| start.is_none_or(|start| is_from(object, start, is_namespaced)))
        .filter(|object| selection.matches(object))
        .collect();
    if limit == 0 || selected.len() <= limit {
        return Page {
            objects: selected,
            version,
            continue_token: None,
            remaining: None,
        };
    }
    let remaining = selected.len() - limit;
    selected.truncate(limit);
    let continue_token = selected.last().map(|last| {
        let (namespace, name) = names(last);
        let start = if is_namespaced {
            format!("{name}\0")
        } else {
            format!("{namespace}/{name}\0")
        };
        let version = i64::try_from(version).unwrap_or(-1);
        Token { version, start }.write()
    });
    Page {
        objects: selected,
        version,
        continue_token,
        remaining: (!selection.is_selective()).then_some(remaining),
    }
}

fn names(object: &Value) -> (&str, &str) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

/// Whether the object comes at or after the start of a page.
fn is_from(object: &Value, start: &str, is_namespaced: bool) -> bool {
    let start = start.trim_start_matches('/');
    let (namespace, name) = names(object);
    if is_namespaced {
        return name >= start;
    }
    (namespace, name) >= start.split_once('/').unwrap_or(("", start))
}

struct Token {
    /// -1 is whatever version is newest.
    version: i64,
    /// The first key of the next page.
    start: String,
}

impl Token {
    /// Go's base64 ignores stray bits at the end of the text.
    fn engine() -> GeneralPurpose {
        let config = GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        GeneralPurpose::new(&URL_SAFE, config)
    }

    fn write(&self) -> String {
        // Go writes the fields in this order.
        let start = json!(self.start);
        let text = format!(
            "{{\"v\":\"{TOKEN_VERSION}\",\"rv\":{},\"start\":{start}}}",
            self.version
        );
        Self::engine().encode(text)
    }

    fn read(text: &str) -> Result<Self, String> {
        let invalid = |why: &str| format!("continue key is not valid: {why}");
        let bytes = Self::engine()
            .decode(text)
            .map_err(|_| invalid("illegal base64 data at input byte 0"))?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_| match bytes.first() {
            Some(first) if *first != b'{' => {
                let character = char::from(*first);
                invalid(&format!(
                    "invalid character '{character}' looking for beginning of value"
                ))
            }
            _ => invalid("unexpected end of JSON input"),
        })?;
        if value["v"] != TOKEN_VERSION {
            return Err(invalid("server does not recognize this encoded version"));
        }
        match (value["rv"].as_i64(), value["start"].as_str()) {
            (None | Some(0), _) => Err(invalid(
                "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
            )),
            (_, None | Some("")) => Err(invalid("encoded start key empty (version meta.k8s.io/v1)")),
            (Some(version), Some(start)) => Ok(Self {
                version,
                start: start.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource;
    use super::*;

    fn pods(names: &[&str]) -> Store {
        let store = Store::new();
        for name in names {
            store.put("pods", pod(name));
        }
        store
    }

    fn pod(name: &str) -> Value {
        json!({"metadata": {"namespace": "shop", "name": name}})
    }

    fn selection(namespace: Option<&str>) -> Selection {
        let pods = resource::all()
            .into_iter()
            .find(|resource| resource.plural == "pods")
            .unwrap();
        Selection::parse(&pods, namespace, (None, None)).unwrap()
    }

    async fn ask(store: &Store, query: &str) -> Result<Page, Status> {
        let options = ListOptions::parse(&Query::parse(query))?;
        list(store, "pods", &selection(Some("shop")), &options).await
    }

    fn shown(page: &Page) -> Vec<&str> {
        page.objects.iter().map(|object| names(object).1).collect()
    }

    #[tokio::test]
    async fn pages_continue_at_the_version_of_the_first() {
        let store = pods(&["a", "b", "c", "d"]);
        let first = ask(&store, "limit=2").await.unwrap();
        assert_eq!((shown(&first), first.remaining), (vec!["a", "b"], Some(2)));
        store.put("pods", pod("bb"));
        store.remove(&Key::new("pods", "shop", "d")).unwrap();
        let token = first.continue_token.unwrap();
        let second = ask(&store, &format!("limit=2&continue={token}")).await.unwrap();
        assert_eq!(
            (shown(&second), second.remaining),
            (vec!["c", "d"], None),
            "as they were"
        );
        assert_eq!(second.version, first.version);
        store.compact();
        let expired = ask(&store, &format!("limit=2&continue={token}")).await.unwrap_err();
        assert_eq!(expired.code, 410);
        let fresh = expired.continue_token.unwrap();
        let rest = ask(&store, &format!("limit=2&continue={fresh}")).await.unwrap();
        assert_eq!(shown(&rest), ["bb", "c"], "as they are now");
    }

    #[tokio::test]
    async fn a_list_of_all_namespaces_continues_in_the_next() {
        let store = pods(&["a", "b"]);
        store.put("pods", json!({"metadata": {"namespace": "aaa", "name": "z"}}));
        let options = ListOptions::parse(&Query::parse("limit=2")).unwrap();
        let first = list(&store, "pods", &selection(None), &options).await.unwrap();
        assert_eq!(shown(&first), ["z", "a"]);
        let query = Query::parse(&format!("continue={}", first.continue_token.unwrap()));
        let rest = list(&store, "pods", &selection(None), &ListOptions::parse(&query).unwrap())
            .await
            .unwrap();
        assert_eq!(shown(&rest), ["b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn versions_too_old_and_too_new_are_refused() {
        let store = pods(&["a"]);
        let old = ask(&store, "resourceVersion=1&resourceVersionMatch=Exact&limit=1")
            .await
            .unwrap_err();
        assert_eq!((old.code.as_u16(), old.reason), (410, Some("Expired")));
        assert_eq!(old.message, "The resourceVersion for the provided list is too old.");
        let new = ask(&store, "resourceVersion=99999999").await.unwrap_err();
        assert_eq!(new.code, 504);
        assert_eq!(
            new.message,
            format!(
                "Timeout: Too large resource version: 99999999, current: {}",
                store.version()
            )
        );
        assert!(ask(&store, "resourceVersion=0").await.is_ok());
        assert!(
            ask(&store, "resourceVersion=1&resourceVersionMatch=NotOlderThan")
                .await
                .is_ok()
        );
    }

    #[test]
    fn wrong_tokens_are_explained_as_go_does() {
        let why = |token: &str| Token::read(token).err().unwrap();
        assert_eq!(
            why("zzz"),
            "continue key is not valid: invalid character 'Ï' looking for beginning of value"
        );
        assert!(why("$$").contains("illegal base64"));
        let real = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NTAsInN0YXJ0IjoiYVx1MDAwMCJ9";
        let token = Token::read(real).unwrap();
        assert_eq!(
            (token.version, token.start.as_str(), token.write().as_str()),
            (50, "a\0", real)
        );
    }

    #[test]
    fn options_that_do_not_go_together_are_refused() {
        for query in [
            "watch=1&sendInitialEvents=true",
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0",
            "resourceVersionMatch=Exact",
            "resourceVersionMatch=Exact&resourceVersion=0",
            "watch=1&resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch=Newest&resourceVersion=1",
        ] {
            assert_eq!(
                ListOptions::parse(&Query::parse(query)).unwrap_err().code,
                422,
                "{query}"
            );
        }
        assert_eq!(ListOptions::parse(&Query::parse("limit=x")).unwrap_err().code, 400);
    }
}
