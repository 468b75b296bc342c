//! The last lines of a log: of a pod that is deleted, of a container that ended while its answer was stuck.

use std::time::Duration;

use kontrast::model::StreamState;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{Fake, Log, Story, container, healthy, line, pod, running, since, terminated, world};

async fn until_gone(story: &mut Story) {
    story
        .until("the pod is gone", |story| story.stream(0) == Some(&StreamState::Gone))
        .await;
    story.until_ended(0).await;
}

fn gaps(story: &Story) -> Vec<String> {
    let mut told = story.coverage(0);
    told.retain(|told| told.starts_with("gap"));
    told
}

/// An answer that is stuck has its end still, when nobody can ask for it any more.
#[tokio::test]
async fn the_open_log_of_a_deleted_pod_is_read_to_its_end() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    fake.change("DELETED", &healthy());
    // Longer than a container that ended is waited for.
    let other = timeout(Duration::from_secs(4), fake.logs.recv()).await;
    assert!(other.is_err(), "nothing is asked of a pod that is no more");
    log.lines(&[(2000, "two")]).await;
    drop(log);
    until_gone(&mut story).await;
    assert_eq!(story.lines(0), ["one", "two"]);
    assert_eq!(gaps(&story), Vec::<String>::new(), "it ended as logs do");
}

/// One that was silent first may have been stuck in a file that the kubelet has renamed.
#[tokio::test]
async fn the_open_log_of_a_deleted_pod_that_ends_after_a_silence_leaves_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    fake.change("DELETED", &healthy());
    let other = timeout(Duration::from_secs(4), fake.logs.recv()).await;
    assert!(other.is_err(), "nothing is asked of a pod that is no more");
    drop(log);
    until_gone(&mut story).await;
    let gap = "gap 1000..100000 Unreadable(\"the pod went before its log was read to the end\")";
    assert_eq!(gaps(&story), [gap]);
}

#[tokio::test]
async fn the_tail_of_a_deleted_pod_that_nobody_could_read_is_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    log.cut().await;
    let again = fake.next_log().await;
    fake.change("DELETED", &healthy());
    again.refuse(404, "pods \"api-0\" not found");
    until_gone(&mut story).await;
    let gap = "gap 1000..100000 Unreadable(\"the pod went before its log was read to the end\")";
    assert_eq!(gaps(&story), [gap]);
    let coverage = story.coverage(0);
    // A dead link is noticed up to 20 s late; the gap begins with the last line all the same.
    assert!(["to 1000", "to 80000"].contains(&&*coverage[1]), "{coverage:?}");
}

/// The container ends, the log ends, the kubelet has nothing more, the pod goes: nothing is missing.
#[tokio::test]
async fn a_pod_that_goes_in_order_leaves_no_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one"), (2000, "two")]).await;
    drop(log);
    // As long as the watch has not told of it, it might as well be a cut.
    fake.next_log().await.log().lines(&[(1000, "one"), (2000, "two")]).await;
    let third = fake.next_log().await;
    fake.change("DELETED", &healthy());
    third.refuse(404, "pods \"api-0\" not found");
    until_gone(&mut story).await;
    assert_eq!(story.lines(0), ["one", "two"]);
    assert_eq!(gaps(&story), Vec::<String>::new());
}

/// The log ends with its pod, and before anybody can ask again there is nothing to ask for.
#[tokio::test]
async fn an_answer_that_ends_with_its_pod_leaves_no_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    drop(log);
    let again = fake.next_log().await;
    fake.change("DELETED", &healthy());
    again.refuse(404, "pods \"api-0\" not found");
    until_gone(&mut story).await;
    assert_eq!(gaps(&story), Vec::<String>::new());
}

#[tokio::test]
async fn a_pod_that_went_before_its_log_was_opened_is_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let asked = fake.next_log().await;
    fake.change("DELETED", &healthy());
    until_gone(&mut story).await;
    let gap = "gap 0..100000 Unreadable(\"the pod went before its log could be opened\")";
    assert_eq!(gaps(&story), [gap]);
    drop(asked);
}

/// An answer that ends without the line that has to come again has not read anything to its end.
#[tokio::test]
async fn an_empty_answer_before_a_pod_goes_leaves_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    drop(log);
    // It is stuck until the pod is gone.
    let stuck = fake.next_log().await.log();
    fake.change("DELETED", &healthy());
    drop(stuck);
    until_gone(&mut story).await;
    let gap = "gap 1000..100000 Unreadable(\"the pod went before its log was read to the end\")";
    assert_eq!(gaps(&story), [gap]);
}

/// So has not one that ends in the middle of a line.
#[tokio::test]
async fn half_a_line_before_a_pod_goes_leaves_a_gap() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    log.text(line(2000, "two and more").strip_suffix(" more\n").unwrap())
        .await;
    story.until_lines(0, &["one"]).await;
    drop(log);
    let again = fake.next_log().await;
    fake.change("DELETED", &healthy());
    again.refuse(404, "pods \"api-0\" not found");
    until_gone(&mut story).await;
    let gap = "gap 1000..100000 Unreadable(\"the pod went before its log was read to the end\")";
    assert_eq!(gaps(&story), [gap]);
}

fn restarted() -> Value {
    let status = container(1, "b", &running(9000), Some(terminated("a", 0, 8000)));
    pod("api-0", "shop", &status)
}

/// The log of an instance that ended is to be had until the pod or one more instance goes: a stuck answer costs time.
#[tokio::test]
async fn a_stuck_answer_does_not_keep_the_previous_log_from_being_read() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let stuck = fake.next_log().await.log();
    stuck.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    fake.change("MODIFIED", &restarted());
    let ended = Instant::now();
    let mut previous = None;
    let mut next = None;
    while previous.is_none() || next.is_none() {
        let call = fake.next_log().await;
        if call.has("previous=true") {
            assert!(call.has("sinceTime="), "{}", call.uri);
            previous = Some(call);
        } else {
            next = Some(call.log());
        }
    }
    assert!(ended.elapsed() < Duration::from_secs(4), "{:?}", ended.elapsed());
    previous.unwrap().log().lines(&[(1000, "one"), (7500, "two")]).await;
    story.until_ended(0).await;
    assert_eq!(story.lines(0), ["one", "two"]);
    assert_eq!(gaps(&story), Vec::<String>::new());
    drop((stuck, next));
}

/// The status tells the end of a container in whole seconds: what was written in that second is missing too.
/// Answers until the previous log is asked for, and how. The log of the next instance stays open with what comes back.
async fn until_previous(fake: &mut Fake) -> (Log, Option<Log>) {
    let mut next = None;
    loop {
        let call = fake.next_log().await;
        if call.has("previous=true") {
            return (call.log(), next);
        } else if call.has("sinceTime=") {
            // The resume that was on its way.
            call.refuse(500, "try again");
        } else {
            next = Some(call.log());
        }
    }
}

#[tokio::test]
async fn a_previous_log_that_cannot_be_read_is_a_gap_to_the_end_of_its_last_second() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(8300, "one")]).await;
    story.until_lines(0, &["one"]).await;
    fake.change("MODIFIED", &restarted());
    log.cut().await;
    let (previous, next) = until_previous(&mut fake).await;
    previous
        .text("unable to retrieve container logs for containerd://a")
        .await;
    drop(previous);
    story.until_ended(0).await;
    let gap = "gap 8300..9000 Unreadable(\"unable to retrieve container logs for containerd://a\")";
    assert_eq!(gaps(&story), [gap]);
    drop(next);
}

/// So is one of which nothing is left: what was shown last does not come again.
#[tokio::test]
async fn a_previous_log_that_was_rotated_away_is_a_gap_to_the_end_of_its_last_second() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(8300, "one")]).await;
    story.until_lines(0, &["one"]).await;
    fake.change("MODIFIED", &restarted());
    log.cut().await;
    let (previous, next) = until_previous(&mut fake).await;
    drop(previous);
    story.until_ended(0).await;
    assert_eq!(gaps(&story), ["gap 8300..9000 Rotated"]);
    drop(next);
}
