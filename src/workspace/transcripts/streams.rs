//! The states of log streams: in rows, in headings, in the last line; what is stale, what is lost.

use std::sync::Arc;

use crate::model::{ContainerKind, Report, Source, SourceId, Span, StreamState, Target};
use crate::workspace::msg::{Effect, Msg};
use crate::workspace::rehearsal::{START, Stage, context, pod};

/// A stream of the container of a pod is opened, and is in this state.
fn stream(stage: &mut Stage, cluster: &str, (n, pod_name): (u32, &str), state: StreamState) -> SourceId {
    let owner = pod(cluster, pod_name);
    let id = SourceId {
        context: context(cluster),
        n,
    };
    stage.report(Report::SourceOpened(Source {
        id,
        target: Target {
            pod: owner.key,
            container: "app".into(),
        },
        kind: ContainerKind::Main,
        workload: owner.workload,
        restarts: 0,
        started: None,
        image: "shop:v1.2".into(),
    }));
    stage.report(Report::StreamChanged { source: id, state });
    id
}

fn retrying() -> StreamState {
    StreamState::Reconnecting {
        attempt: 3,
        cause: Arc::from("connection reset"),
        next: START + Span::from_secs(4),
    }
}

#[test]
fn a_container_says_how_its_log_is_read() {
    let mut stage = Stage::live(200, 50);
    let id = stream(&mut stage, "prod", (1, "api-1"), StreamState::Live);
    stage.keys("2 space j j j space j");
    stage.shows(&[
        ">   app |  |  | Running 0s live        ",
        "= log live since 12:00:00",
        "status live since 12:00:00 · prod api-1/app",
    ]);
    stage.report(Report::StreamChanged {
        source: id,
        state: retrying(),
    });
    stage.settle();
    stage.shows(&[
        ">   app |  |  | Running 0s retry in 4s ",
        "= log reconnecting 3, next in 4s: connection reset · since 12:00:00",
    ]);
    stage.now = START + Span::from_secs(1);
    assert_eq!(stage.say(Msg::Woke), []);
    assert_eq!(stage.settle(), [Effect::WakeAt(START + Span::from_secs(2))]);
    stage.shows(&["retry in 3s", "reconnecting 3, next in 3s"]);
    stage.keys("k");
    stage.shows(&["status reconnecting 3, next in 3s: connection reset · since 12:00:00 · prod api-1/app"]);
}

#[test]
fn a_heading_counts_the_streams_of_its_pane() {
    let mut stage = Stage::live(200, 50);
    for n in 0..4 {
        stream(&mut stage, "prod", (n, "api-1"), StreamState::Live);
    }
    stream(&mut stage, "prod", (5, "web-1"), StreamState::Quiet { since: START });
    stream(&mut stage, "prod", (6, "web-2"), StreamState::Stalled { since: START });
    stream(&mut stage, "dev", (7, "web-2"), retrying());
    stage.settle();
    stage.shows(&[
        "[prod  live · 5 of 6 followed · 1 stalled · 1 quiet]",
        "[dev  live · 0 of 1 followed · 1 reconnecting]",
    ]);
    stage.keys("3");
    stage.shows(&["status reconnecting 3, next in 4s: connection reset · since 12:00:00 · dev web-2/app"]);
    stage.keys("o");
    stage.shows(&[
        "[all clusters · 5 of 7 followed · 1 stalled · 1 reconnecting · 1 quiet]",
        "status STALLED 0s",
    ]);
    stage.keys("2 l");
    stage.shows(&["[Logs shop/api]", "[all clusters · 4 followed]"]);
}

#[test]
fn a_stream_that_is_gone_says_what_is_kept() {
    let mut stage = Stage::live(200, 50);
    let id = stream(&mut stage, "dev", (1, "api-1"), StreamState::Live);
    stage.report(Report::StreamChanged {
        source: id,
        state: StreamState::Gone,
    });
    stage.now = START + Span::from_secs(65);
    stage.keys("3 k");
    stage.shows(&["status gone 65s ago, 3 lines kept · dev api-1/app"]);
}

#[test]
fn a_cause_is_told_in_the_last_line_where_the_bar_has_no_room_for_it() {
    let mut stage = Stage::live(80, 24);
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: crate::model::ClusterState::Stale {
            since: START,
            cause: "connection refused".into(),
            next: START + Span::from_secs(5),
        },
    });
    stage.settle();
    stage.shows(&["status prod stale 0s: connection refused · next try"]);
}
