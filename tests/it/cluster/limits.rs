//! What a context may ask of its server: how much, how often, and when it has to wait. The server counts.

use std::collections::BTreeMap;
use std::time::Duration;

use kontrast::cluster::Watching;
use kontrast::model::{ClusterState, Ingest, Report, StreamState};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{Fake, Log, LogCall, PATIENCE, Story, container, healthy, pod, running, since, terminated, world};

fn on_node(n: usize, node: &str) -> Value {
    let status = container(0, &format!("id-{n}"), &running(0), None);
    let mut pod = pod(&format!("api-{n}"), "shop", &status);
    pod["spec"]["nodeName"] = json!(node);
    pod
}

fn name(call: &LogCall) -> String {
    let path = call.uri.split("/pods/").nth(1).unwrap();
    path.split('/').next().unwrap().to_owned()
}

/// Answers requests for logs until so many are followed, the others with nothing.
async fn followed(fake: &mut Fake, story: &mut Story, count: usize) -> BTreeMap<String, Log> {
    let mut logs = BTreeMap::new();
    let all = async {
        while logs.len() < count {
            tokio::select! {
                call = fake.logs.recv() => {
                    let call = call.unwrap();
                    let name = name(&call);
                    if call.has("follow=true") {
                        logs.insert(name, call.log());
                    } else {
                        drop(call.log());
                    }
                }
                Some(report) = story.handle.reports.recv() => story.reports.push(report),
                Some(ingest) = story.handle.ingests.recv() => story.ingests.push(ingest),
            }
        }
    };
    timeout(PATIENCE, all).await.expect("all are followed");
    logs
}

/// The requests that came so far.
fn asked(fake: &mut Fake) -> Vec<(Instant, String)> {
    std::iter::from_fn(|| fake.asked.try_recv().ok()).collect()
}

/// The most requests in any second.
fn most_in_a_second(asked: &[(Instant, String)]) -> usize {
    let from = |n: usize| {
        let begun = asked[n].0;
        let later = asked[n..].iter();
        later.take_while(|(at, _)| *at < begun + Duration::from_secs(1)).count()
    };
    (0..asked.len()).map(from).max().unwrap_or(0)
}

/// Each follow costs its node an inotify instance, of which root has 128.
#[tokio::test]
async fn a_node_has_64_followed_logs_and_the_others_are_polled_until_one_ends() {
    let pods = (0..66)
        .map(|n| on_node(n, "one"))
        .chain((66..69).map(|n| on_node(n, "two")));
    let mut fake = Fake::start(world(pods.collect())).await;
    let mut story = fake.open(since(600));
    let mut logs = followed(&mut fake, &mut story, 67).await;
    let is_polled = |story: &Story, n| {
        let state = story.stream(n);
        matches!(state, Some(StreamState::Polled { cap, .. }) if cap.contains("64 followed logs per node"))
    };
    let polled = |story: &Story| (0..69).filter(|n| is_polled(story, *n)).count();
    story.until("two are polled", |story| polled(story) == 2).await;
    assert!((66..69).all(|n| logs.contains_key(&format!("api-{n}"))));
    let gone = logs.keys().find(|name| name.as_str() < "api-66").cloned().unwrap();
    fake.change("DELETED", &pod(&gone, "shop", &container(0, "", &running(0), None)));
    drop(logs.remove(&gone));
    let next = followed(&mut fake, &mut story, 1).await;
    assert!(!logs.contains_key(next.keys().next().unwrap()), "{:?}", next.keys());
}

#[tokio::test]
async fn not_more_than_32_logs_are_asked_for_at_a_time() {
    let pods = (0..50).map(|n| on_node(n, "one")).collect();
    let mut fake = Fake::start(world(pods)).await;
    let _story = fake.open(since(600));
    let mut calls = Vec::new();
    for _ in 0..32 {
        calls.push(fake.next_log().await);
    }
    let more = timeout(Duration::from_secs(1), fake.logs.recv()).await;
    assert!(more.is_err(), "the 33rd waits for an answer");
    drop(calls.pop().unwrap().log());
    fake.next_log().await;
}

/// Each of them has to ask whose log it is that it is served: more at a time than may ask at a time.
#[tokio::test]
async fn logs_that_were_all_rotated_during_a_break_all_go_on() {
    const LOGS: usize = 40;
    let pods = (0..LOGS).map(|n| on_node(n, "one")).collect();
    let mut fake = Fake::start(world(pods)).await;
    let mut story = fake.open(since(600));
    let logs = followed(&mut fake, &mut story, LOGS).await;
    for log in logs.values() {
        log.lines(&[(1000, "before")]).await;
    }
    let have_come = |story: &Story, text: &str| {
        let lines = (0..u32::try_from(LOGS).unwrap()).map(|n| story.lines(n));
        lines.filter(|lines| lines.iter().any(|line| line == text)).count()
    };
    story
        .until("all have said something", |story| have_come(story, "before") == LOGS)
        .await;
    drop(logs);
    let logs = followed(&mut fake, &mut story, LOGS).await;
    for log in logs.values() {
        log.lines(&[(9000, "after")]).await;
    }
    story
        .until("all go on", |story| have_come(story, "after") == LOGS)
        .await;
}

/// As long as an outage may be: when the server is back, so are all streams, and they do not knock it over.
#[tokio::test]
async fn after_a_restart_of_the_server_a_hundred_logs_are_back_within_ten_seconds() {
    let pods = (0..100).map(|n| on_node(n, &format!("node-{}", n % 4))).collect();
    let mut fake = Fake::start(world(pods)).await;
    let mut story = fake.open(since(600));
    let logs = followed(&mut fake, &mut story, 100).await;
    assert!(most_in_a_second(&asked(&mut fake)) <= 50);
    fake.up.send_replace(false);
    drop(logs);
    // Until pauses have grown as long as they get.
    let attempts = |story: &Story| {
        let tries = story.reports.iter().filter_map(|report| match report {
            Report::StreamChanged {
                state: StreamState::Reconnecting { attempt, .. },
                ..
            } => Some(*attempt),
            _ => None,
        });
        tries.max().unwrap_or(0)
    };
    story.until("many tries in vain", |story| attempts(story) >= 7).await;
    drop(asked(&mut fake));
    fake.up.send_replace(true);
    let ready = Instant::now();
    let logs = followed(&mut fake, &mut story, 100).await;
    assert!(ready.elapsed() <= Duration::from_secs(10), "{:?}", ready.elapsed());
    story.until_state("live again", ClusterState::is_live).await;
    let asked = asked(&mut fake);
    assert!(most_in_a_second(&asked) <= 50, "{asked:#?}");
    drop(logs);
}

/// The wish is about the server, so lists and watches heed it too, whoever was told.
#[tokio::test]
async fn nothing_is_asked_before_the_server_wants_to_be_asked() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    story.until_state("live", ClusterState::is_live).await;
    fake.world.send_modify(|world| {
        world.refused = vec![("/", 429, "too many requests")];
        world.retry_after = Some(3);
    });
    fake.up.send_replace(false);
    fake.up.send_replace(true);
    drop(log);
    drop(asked(&mut fake));
    let (first, uri) = timeout(PATIENCE, fake.asked.recv()).await.unwrap().unwrap();
    let second = async {
        loop {
            let (at, uri) = fake.asked.recv().await.unwrap();
            // What was on its way when the wish was told.
            if at > first + Duration::from_millis(500) {
                return (at, uri);
            }
        }
    };
    let (at, next) = timeout(PATIENCE, second).await.unwrap();
    assert!(
        at >= first + Duration::from_secs(3),
        "{uri}, then {next} after {:?}",
        at - first
    );
    fake.world.send_modify(|world| world.refused.clear());
    drop(fake.next_log().await);
    story.until_state("live again", ClusterState::is_live).await;
}

/// One expiry makes the clients anew once, whoever finds out first.
#[tokio::test]
async fn streams_that_are_all_told_401_make_the_clients_anew_once() {
    let pods = (0..5).map(|n| on_node(n, "one")).collect();
    let mut fake = Fake::start(world(pods)).await;
    let mut story = fake.open(since(600));
    story.until_state("live", ClusterState::is_live).await;
    let mut calls = Vec::new();
    for _ in 0..5 {
        calls.push(fake.next_log().await);
    }
    for call in calls {
        call.refuse(401, "Unauthorized");
    }
    let logs = followed(&mut fake, &mut story, 5).await;
    // A connection for logs is brought up with a question; the first answer's version is asked for once as well.
    let questions = asked(&mut fake)
        .iter()
        .filter(|(_, uri)| uri.starts_with("/version"))
        .count();
    assert!(questions <= 3, "{questions}");
    assert_eq!(logs.len(), 5);
}

/// Pods come and go by the hundreds, faster than their logs may be asked for: nothing of them stays.
#[tokio::test]
async fn pods_that_went_leave_no_task_behind() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let _logs = followed(&mut fake, &mut story, 1).await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let mut before = None;
    for round in 0..4 {
        let numbers = 1 + round * 400..1 + (round + 1) * 400;
        for n in numbers.clone() {
            fake.change("ADDED", &on_node(n, &format!("node-{n}")));
            if n % 2 == 0 {
                fake.change("DELETED", &on_node(n, ""));
            }
        }
        for n in numbers.filter(|n| n % 2 == 1) {
            fake.change("DELETED", &on_node(n, ""));
        }
        let ended = |story: &Story| {
            let ended = |ingest: &&Ingest| matches!(ingest, Ingest::SourceEnded { .. });
            story.ingests.iter().filter(ended).count()
        };
        let all = async {
            while ended(&story) < (round + 1) * 400 {
                tokio::select! {
                    Some(call) = fake.logs.recv() => drop(call.reply),
                    Some(report) = story.handle.reports.recv() => story.reports.push(report),
                    Some(ingest) = story.handle.ingests.recv() => story.ingests.push(ingest),
                }
            }
        };
        timeout(PATIENCE, all).await.expect("all have ended");
        tokio::task::yield_now().await;
        // The first round fills the pools of connections.
        let limit = *before.get_or_insert(tasks()) + 40;
        assert!(tasks() <= limit, "{} tasks, not more than {limit}", tasks());
    }
}

fn with_helpers(debug: bool) -> Value {
    let status = |name: &str, id: &str, state: &Value| {
        let mut status = container(0, id, state, None);
        status["name"] = json!(name);
        status
    };
    let done = json!({"terminated": terminated("w", 0, 1)});
    let mut pod = pod("api-0", "shop", &status("api", "a", &running(2)));
    pod["spec"]["initContainers"] = json!([
        {"name": "wait", "image": "busybox"},
        {"name": "proxy", "image": "envoy", "restartPolicy": "Always"},
    ]);
    pod["status"]["initContainerStatuses"] = json!([status("wait", "w", &done), status("proxy", "p", &running(1))]);
    if debug {
        pod["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": "busybox"}]);
        pod["status"]["ephemeralContainerStatuses"] = json!([status("debug", "d", &running(9))]);
    }
    pod
}

/// Containers of all kinds, as the watch tells of them, and each of their logs once.
#[tokio::test]
async fn init_sidecar_and_ephemeral_containers_are_read_once_each() {
    let mut fake = Fake::start(world(vec![with_helpers(false)])).await;
    let _story = fake.open(Watching {
        label_selector: None,
        ..since(600)
    });
    let mut logs = BTreeMap::new();
    let mut read = async |fake: &mut Fake| {
        let call = fake.next_log().await;
        let container = call.uri.split("container=").nth(1).unwrap();
        let container = container.split('&').next().unwrap().to_owned();
        let follows = call.has("follow=true");
        logs.insert(container, (follows, call.log()));
        logs.values().filter(|(follows, _)| *follows).count()
    };
    for _ in 0..3 {
        read(&mut fake).await;
    }
    fake.change("MODIFIED", &with_helpers(true));
    assert_eq!(read(&mut fake).await, 3);
    fake.change("MODIFIED", &with_helpers(true));
    let more = timeout(Duration::from_secs(1), fake.logs.recv()).await;
    assert!(more.is_err(), "nothing is read twice");
    let kinds: Vec<_> = logs.iter().map(|(name, (follows, _))| (&**name, *follows)).collect();
    assert_eq!(
        kinds,
        [("api", true), ("debug", true), ("proxy", true), ("wait", false)]
    );
}
