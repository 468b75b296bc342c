//! What a log stream does when its consumer or its server goes to sleep, when a cap keeps it from following, and when
//! the server wants to be left alone.

use std::time::Duration;

use kontrast::cluster::Watching;
use kontrast::model::{GapCause, Ingest, Report, StreamState};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::{Fake, PATIENCE, Story, at, container, healthy, line, pod, running, since, source, world};

/// Lines that came and lines that a gap counts.
fn accounted(story: &Story) -> (u64, u64) {
    let (mut came, mut dropped) = (0, 0);
    for ingest in &story.ingests {
        match ingest {
            Ingest::Lines { lines, .. } => came += lines.len() as u64,
            Ingest::GapFound { gap, .. } => {
                if let GapCause::Dropped(lines) = gap.cause {
                    dropped += lines;
                }
            }
            _ => {}
        }
    }
    (came, dropped)
}

/// The kubelet leaves a slow reader behind and does not say so: we read on, whatever the engine does, and count.
#[tokio::test]
async fn a_stalled_engine_does_not_stall_the_reading_and_what_is_dropped_is_counted() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(0, "first")]).await;
    story.until_lines(0, &["first"]).await;
    let text = "x".repeat(1000);
    // Nobody listens from here on.
    let flood = async {
        for chunk in 0..300 {
            let lines: String = (0..100).map(|n| line(1 + chunk * 100 + n, &text)).collect();
            log.text(&lines).await;
        }
    };
    timeout(PATIENCE, flood)
        .await
        .expect("the socket is read, though nobody takes the lines");
    story
        .until("everything is accounted for", |story| {
            let (came, dropped) = accounted(story);
            came + dropped == 30_001
        })
        .await;
    let (came, dropped) = accounted(&story);
    assert!(dropped > 5_000 && came > 10_000, "{came} came, {dropped} were dropped");
    // The hole is known: nothing is concluded from it.
    let gap = story.ingests.iter().find_map(|ingest| match ingest {
        Ingest::GapFound { gap, .. } => Some(gap.clone()),
        _ => None,
    });
    let gap = gap.unwrap();
    assert!(gap.from > at(0) && gap.to <= at(30_000), "{gap:?}");
    let coverage = story.coverage(0);
    assert!(
        coverage.len() >= 4 && coverage[1].starts_with("to ") && coverage[2].starts_with("gap "),
        "{coverage:?}"
    );
    log.lines(&[(31_000, "last")]).await;
    story
        .until("it goes on", |story| {
            story.lines(0).last().is_some_and(|line| line == "last")
        })
        .await;
}

/// A kubelet that was rotated during the backlog sends nothing more, on a connection that is fine.
#[tokio::test]
async fn an_answer_that_is_stuck_is_noticed_within_45_seconds_and_asked_for_anew() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let stuck = fake.next_log().await.log();
    stuck.lines(&[(1000, "one"), (2000, "two")]).await;
    story.until_lines(0, &["one", "two"]).await;
    let begun = Instant::now();
    let question = timeout(Duration::from_secs(45), fake.logs.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(
        question.has("&tailLines=1") && !question.has("follow"),
        "{}",
        question.uri
    );
    let last = question.log();
    last.lines(&[(3000, "three")]).await;
    drop(last);
    let again = fake.next_log().await;
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    assert!(again.has("follow=true") && again.has("sinceTime="), "{}", again.uri);
    let log = again.log();
    log.lines(&[(1000, "one"), (2000, "two"), (3000, "three")]).await;
    story.until_lines(0, &["one", "two", "three"]).await;
    assert_eq!(story.coverage(0), ["from 0"]);
    story
        .until("it is live again", |story| story.stream(0) == Some(&StreamState::Live))
        .await;
    let stalled = |report: &Report| {
        matches!(
            report,
            Report::StreamChanged {
                state: StreamState::Stalled { .. },
                ..
            }
        )
    };
    assert!(story.reports.iter().any(stalled));
    drop(stuck);
}

#[tokio::test]
async fn a_silence_that_the_server_confirms_is_quiet_until_the_next_line() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let log = fake.next_log().await.log();
    log.lines(&[(1000, "one")]).await;
    story.until_lines(0, &["one"]).await;
    let question = timeout(Duration::from_secs(45), fake.logs.recv())
        .await
        .unwrap()
        .unwrap();
    assert!(question.has("&tailLines=1"), "{}", question.uri);
    question.log().lines(&[(1000, "one")]).await;
    story
        .until("it is quiet", |story| {
            matches!(story.stream(0), Some(StreamState::Quiet { .. }))
        })
        .await;
    log.lines(&[(2000, "two")]).await;
    story
        .until("it is live", |story| story.stream(0) == Some(&StreamState::Live))
        .await;
    story.until_lines(0, &["one", "two"]).await;
    assert_eq!(story.coverage(0), ["from 0"]);
}

fn three() -> Vec<Value> {
    let pods = (0..3).map(|n| {
        let status = container(0, &format!("id-{n}"), &running(0), None);
        pod(&format!("api-{n}"), "shop", &status)
    });
    pods.collect()
}

/// What is polled is as whole as what is followed, up to the last time it was asked for.
#[tokio::test]
async fn more_streams_than_allowed_are_polled_until_there_is_room() {
    let mut fake = Fake::start(world(three())).await;
    let mut story = fake.open(Watching {
        most_streams: 2,
        ..since(600)
    });
    let (mut followed, mut polled) = (Vec::new(), None);
    for _ in 0..3 {
        let call = fake.next_log().await;
        if call.has("follow=true") {
            followed.push(call.log());
        } else {
            polled = Some(call);
        }
    }
    assert_eq!(followed.len(), 2);
    polled.unwrap().log().lines(&[(1000, "one"), (2000, "two")]).await;
    let is_polled = |story: &Story, n| {
        let state = story.stream(n);
        matches!(state, Some(StreamState::Polled { cap, .. }) if cap.contains("2 followed logs per cluster"))
    };
    story
        .until("one is polled", |story| (0..3).any(|n| is_polled(story, n)))
        .await;
    let waiting = (0..3).find(|n| is_polled(&story, *n)).unwrap();
    story.until_lines(waiting, &["one", "two"]).await;
    let again = fake.next_log().await;
    assert!(again.has("sinceTime=") && !again.has("follow"), "{}", again.uri);
    again
        .log()
        .lines(&[(1000, "one"), (2000, "two"), (3000, "three")])
        .await;
    story.until_lines(waiting, &["one", "two", "three"]).await;
    // Its file was rotated between two polls: that is a gap, as it is for whoever follows.
    fake.next_log().await.log().lines(&[(9000, "nine")]).await;
    story.until_lines(waiting, &["one", "two", "three", "nine"]).await;
    let gap = "gap 3000..9000 Rotated".to_owned();
    assert!(story.coverage(waiting).contains(&gap), "{:?}", story.coverage(waiting));
    // Both pods that are followed go; one of them makes room.
    for n in (0..3).filter(|n| *n != waiting) {
        let name = story.reports.iter().find_map(|report| match report {
            Report::SourceOpened(opened) if opened.id == source(n) => Some(opened.target.pod.name.to_string()),
            _ => None,
        });
        let status = container(0, "", &running(0), None);
        fake.change("DELETED", &pod(&name.unwrap(), "shop", &status));
    }
    drop(followed);
    let mut call = fake.next_log().await;
    while !call.has("follow=true") {
        call.log().lines(&[(9000, "nine")]).await;
        call = fake.next_log().await;
    }
    call.log().lines(&[(9000, "nine"), (10_000, "ten")]).await;
    story
        .until_lines(waiting, &["one", "two", "three", "nine", "ten"])
        .await;
    story
        .until("it is live", |story| story.stream(waiting) == Some(&StreamState::Live))
        .await;
}

/// The wish is about the server: nobody else asks it for a log either.
#[tokio::test]
async fn a_server_that_wants_to_be_left_alone_is() {
    let mut fake = Fake::start(world(three())).await;
    let _story = fake.open(since(600));
    let first = fake.next_log().await;
    let others = (fake.next_log().await, fake.next_log().await);
    let told = Instant::now();
    first.throttle(2);
    others.0.throttle(2);
    others.1.throttle(2);
    let again = fake.next_log().await;
    assert!(told.elapsed() >= Duration::from_secs(2), "{:?}", told.elapsed());
    drop(again);
}

/// A stream that is cut again and again and brings news each time is resumed at once each time.
#[tokio::test]
async fn cuts_of_a_stream_that_brings_news_do_not_add_up() {
    let mut fake = Fake::start(world(vec![healthy()])).await;
    let mut story = fake.open(since(600));
    let mut expected = vec!["0".to_owned()];
    let log = fake.next_log().await.log();
    log.lines(&[(0, "0")]).await;
    story.until_lines(0, &["0"]).await;
    log.cut().await;
    for n in 1..5_i64 {
        let cut = Instant::now();
        let log = fake.next_log().await.log();
        // With failures that add up the fourth resume would take a second or two.
        assert!(cut.elapsed() < Duration::from_millis(900), "{:?}", cut.elapsed());
        let before = expected.last().cloned().unwrap();
        let text = n.to_string();
        log.lines(&[((n - 1) * 1000, &before), (n * 1000, &text)]).await;
        expected.push(text);
        story
            .until("the news", |story| story.lines(0).len() == expected.len())
            .await;
        // It has to hold for a while to be worth a resume at once.
        let other = timeout(Duration::from_millis(1100), fake.logs.recv()).await;
        assert!(other.is_err(), "it is open");
        log.cut().await;
    }
    assert_eq!(story.lines(0), expected);
}
