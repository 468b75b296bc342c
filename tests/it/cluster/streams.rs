//! What a log stream does when its consumer or its server goes to sleep.

use std::time::Duration;

use kontrast::model::{GapCause, Ingest, StreamState};
use tokio::time::{Instant, timeout};

use super::{Fake, PATIENCE, Story, at, healthy, line, since, world};

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
    assert!(story.reports.iter().any(|report| matches!(
        report,
        kontrast::model::Report::StreamChanged { state: StreamState::Reconnecting { cause, .. }, .. }
            if cause.contains("stopped sending")
    )));
    drop(stuck);
}
