//! The states of log streams: in rows, in headings, in the last line; what is stale, what is lost.

use std::sync::Arc;

use crate::logs::{Content, Record};
use crate::model::{
    ClusterState, ContainerKind, Gap, GapCause, RecordId, Report, Source, SourceId, Span, StreamState, Target, Time,
};
use crate::workspace::msg::{Effect, Msg};
use crate::workspace::rehearsal::{self, START, Stage, context, pod};
use crate::workspace::scene::{Body, RowKind, Tone};

/// A stream of the container of a pod is opened, and is in this state.
fn stream(stage: &mut Stage, cluster: &str, (n, pod_name): (u32, &str), as_told: StreamState) -> SourceId {
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
    stage.report(Report::StreamChanged {
        source: id,
        state: as_told,
    });
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
        "standing live since 12:00:00 · prod api-1/app",
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
    stage.shows(&["standing reconnecting 3, next in 3s: connection reset · since 12:00:00 · prod api-1/app"]);
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
    stage.shows(&["standing reconnecting 3, next in 4s: connection reset · since 12:00:00 · dev web-2/app"]);
    stage.keys("o");
    stage.shows(&[
        "[all clusters · 5 of 7 followed · 1 stalled · 1 reconnecting · 1 quiet]",
        "standing STALLED 0s",
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
    stage.shows(&["standing gone 65s ago, 3 lines kept · dev api-1/app"]);
}

#[test]
fn a_cause_is_told_in_the_last_line_where_the_bar_has_no_room_for_it() {
    let mut stage = Stage::live(80, 24);
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: ClusterState::Stale {
            since: START,
            cause: "connection refused".into(),
            next: START + Span::from_secs(5),
        },
    });
    stage.settle();
    stage.shows(&["standing prod stale 0s: connection refused · next try"]);
}

fn change(stage: &mut Stage, cluster: &str, as_told: ClusterState) {
    stage.report(Report::StateChanged {
        context: context(cluster),
        state: as_told,
    });
    stage.settle();
}

fn stale_since(since: Time) -> ClusterState {
    ClusterState::Stale {
        since,
        cause: "connection reset by peer".into(),
        next: START + Span::from_secs(300),
    }
}

/// How many rows of the logs are shown as not up to date, by column.
fn stale_rows(stage: &Stage) -> Vec<usize> {
    let columns = rehearsal::logs(stage.scene())
        .into_iter()
        .flat_map(|logs| &logs.columns);
    columns
        .map(|column| column.rows.iter().filter(|row| row.stale).count())
        .collect()
}

/// The tones of the cells of a cluster, of objects and of findings.
fn cell_tones(stage: &Stage, n: usize) -> Vec<Tone> {
    let mut tones = Vec::new();
    for pane in &stage.scene().panes {
        match &pane.body {
            Body::Objects(objects) => {
                let cells = objects.rows.iter().filter_map(|row| row.cells.get(n));
                tones.extend(cells.flatten().map(|span| span.tone));
            }
            Body::Contrast(contrast) => {
                let cells = contrast.rows.iter().filter_map(|row| row.cells.get(n));
                tones.extend(cells.map(|cell| cell.tone));
            }
            Body::Logs(_) | Body::Exec(_) => {}
        }
    }
    tones
}

#[test]
fn what_is_stale_is_dim_and_says_how_old_it_is() {
    let mut stage = Stage::live(200, 50);
    let example = stage.write("prod", 4, "boom ERROR");
    stage.find("prod", "boom ERROR", example);
    stage.publish();
    stage.settle();
    let before = stage.scene().clone();
    stage.now = START + Span::from_secs(130);
    change(&mut stage, "prod", stale_since(START + Span::from_secs(7)));
    stage.shows(&[
        "bar prod stale 2m",
        "[Contrast · prod as of 12:00:07, 2m ago]",
        "[Objects · prod as of 12:00:07, 2m ago]",
        "[prod  stale 2m · as of 12:00:07, 2m ago]",
    ]);
    assert_eq!(stale_rows(&stage), [0, 0, 4]);
    assert!(cell_tones(&stage, 2).iter().all(|tone| *tone == Tone::Dim));
    assert!(cell_tones(&stage, 1).iter().any(|tone| *tone != Tone::Dim));
    change(
        &mut stage,
        "prod",
        ClusterState::NeedsLogin {
            since: START + Span::from_secs(130),
            cause: "aws sso login".into(),
        },
    );
    stage.shows(&["[prod  needs login 0s · as of 12:00:07, 2m ago]"]);
    change(&mut stage, "dev", stale_since(START + Span::from_secs(9)));
    stage.shows(&["[Objects · 2 clusters as of 12:00:07, 2m ago]"]);
    change(&mut stage, "dev", ClusterState::Live { since: START });
    let now = std::mem::replace(&mut stage.now, START);
    change(&mut stage, "prod", ClusterState::Live { since: START });
    assert_eq!(stage.scene(), &before, "at once as it was");
    stage.now = now;
    change(&mut stage, "prod", stale_since(START + Span::from_secs(7)));
    stage.keys("3 o");
    stage.shows(&["[all clusters · prod as of 12:00:07, 2m ago]"]);
    assert_eq!(stale_rows(&stage), [4], "those of prod among all");
}

#[test]
fn where_there_is_little_room_the_time_is_told_without_its_age() {
    let mut stage = Stage::live(120, 40);
    stage.now = START + Span::from_secs(130);
    change(&mut stage, "prod", stale_since(START + Span::from_secs(7)));
    stage.shows(&["[prod  stale 2m · as of 12:00:07]"]);
}

#[test]
fn a_cluster_that_was_never_seen_is_not_stale() {
    let mut stage = Stage::new(200, 50);
    let unreachable = ClusterState::Unreachable {
        since: START,
        cause: "no route".into(),
        next: START + Span::from_secs(5),
    };
    change(&mut stage, "prod", unreachable);
    stage.shows(&["bar prod unreachable 0s no route · next try in 5s"]);
    stage.does_not_show("as of");
}

#[test]
fn a_first_connection_that_takes_long_says_how_long() {
    let mut stage = Stage::new(200, 50);
    assert_eq!(stage.settle(), [Effect::WakeAt(START + Span::from_secs(5))]);
    stage.shows(&["bar prod connecting "]);
    stage.now = START + Span::from_secs(5);
    stage.say(Msg::Woke);
    stage.settle();
    stage.shows(&["bar prod connecting 5s"]);
}

#[test]
fn clocks_that_differ_are_told() {
    let mut stage = Stage::live(200, 50);
    let mut skew = |millis: Option<i64>, told: &[&str]| {
        stage.report(Report::SkewEstimated {
            context: context("dev"),
            ahead: millis.map(Span::from_millis),
        });
        stage.settle();
        stage.shows(told);
    };
    skew(Some(-900), &["[dev  live]"]);
    skew(Some(-2_340), &["[dev  live · clock 2.3 s behind]"]);
    skew(
        Some(45_000),
        &[
            "[dev  live · clock 45.0 s ahead]",
            "trouble dev live: clock 45.0 s ahead",
        ],
    );
    skew(None, &["[dev  live]"]);
    stage.does_not_show("trouble");
    stage.report(Report::SkewEstimated {
        context: context("dev"),
        ahead: Some(Span::from_secs(-2)),
    });
    stage.keys("3 o");
    stage.shows(&["[all clusters · dev clock 2.0 s behind]"]);
}

/// Fails if a cluster that breaks changes anything of the panes of another.
#[test]
fn a_dead_cluster_leaves_the_others_as_they_are() {
    let mut stage = Stage::live(200, 50);
    let columns = |stage: &Stage| rehearsal::logs(stage.scene())[0].columns[..2].to_vec();
    let before = (columns(&stage), cell_tones(&stage, 0), cell_tones(&stage, 1));
    let (since, cause): (Time, Arc<str>) = (START, "dead".into());
    let states = [
        ClusterState::Connecting { since },
        stale_since(START),
        ClusterState::Unreachable {
            since,
            cause: cause.clone(),
            next: START,
        },
        ClusterState::NeedsLogin {
            since,
            cause: cause.clone(),
        },
        ClusterState::Forbidden {
            since,
            cause: cause.clone(),
        },
        ClusterState::Broken { since, cause },
    ];
    for state in states {
        change(&mut stage, "prod", state);
        let after = (columns(&stage), cell_tones(&stage, 0), cell_tones(&stage, 1));
        assert_eq!(after, before);
    }
}

/// What was lost in dev, between its second and its third record.
fn lose(stage: &mut Stage) {
    let gap = Gap {
        from: START + Span::from_secs(1),
        to: START + Span::from_millis(1_900),
        cause: GapCause::Rotated,
    };
    let source = SourceId {
        context: context("dev"),
        n: 1,
    };
    stage.change(|snapshot| {
        snapshot.records.insert(Record {
            id: RecordId(1_000),
            source,
            time: gap.from,
            content: Content::Gap(gap),
        });
        Arc::make_mut(&mut snapshot.tallies)
            .entry(source.context)
            .or_default()
            .gaps += 1;
    });
    stage.publish();
    stage.settle();
}

const LOST: &str = "gap 0.9 s: the kubelet rotated its file (12:00:01.000 – 12:00:01.900) · shop/api-1/app";

#[test]
fn a_gap_is_a_row_at_its_time_and_counted() {
    let mut stage = Stage::live(200, 50);
    lose(&mut stage);
    stage.shows(&["[dev  live · 1 gap]", "[staging  live]", LOST]);
    let column = |stage: &Stage| rehearsal::logs(stage.scene())[0].columns[0].clone();
    let kinds: Vec<_> = column(&stage).rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [RowKind::First, RowKind::First, RowKind::Gap, RowKind::First]);
    stage.keys("3 o");
    stage.shows(&["[all clusters · 1 gap]", "· dev shop/api-1/app"]);
    let rows = column(&stage).rows;
    let at = rows.iter().position(|row| row.kind == RowKind::Gap);
    let said: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(at, Some(6), "behind all that was written by then: {said:?}");
    stage.keys("o 2 l");
    stage.shows(&["[Logs shop/api]", "[dev  live · 1 gap]", LOST]);
    stage.keys("2 j l");
    stage.shows(&["[Logs shop/web]", "[dev  live]"]);
}

#[test]
fn gaps_are_gone_to_and_levels_pass_them_over() {
    let mut stage = Stage::live(200, 50);
    lose(&mut stage);
    stage.keys("3 [");
    assert_eq!(stage.selected_record(), LOST);
    stage.keys("]");
    stage.shows(&["status no later gap in dev"]);
    assert_eq!(stage.selected_record(), LOST);
    stage.keys("E");
    stage.shows(&["status no earlier error in dev"]);
    stage.keys("g x");
    stage.shows(&["no record of this pattern here"]);
    stage.does_not_show(LOST);
    stage.shows(&["[dev  live · 1 gap]"]);
    stage.keys("]");
    assert_eq!(stage.selected_record(), LOST);
    stage.keys("l [");
    stage.shows(&["status no earlier gap in staging"]);
    assert_eq!(
        stage.keys("h [ c").last(),
        Some(&Effect::Copy(LOST.replace(" · shop/api-1/app", "")))
    );
}
