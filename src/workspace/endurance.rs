//! Anything may happen in any order: no panic, everything within the screen, what is selected in sight, and settling
//! twice changes nothing.

use bytes::Bytes;
use proptest::prelude::*;

use crate::logs::{Found, Position};
use crate::model::{ClusterState, ExecEnd, PaneId, RecordId, Report, Span, StreamState, Time};

use super::command::Command;
use super::key::{Key, KeyCode, Modifiers};
use super::layout::{Rect, Size};
use super::msg::{Effect, Msg};
use super::rehearsal::{self, NAMES, START, Stage, context, pattern, pod};
use super::scene::{Body, PaneScene, Scene};
use super::update::commands;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    Key(Key),
    Command(Command),
    Paste(String),
    Resize(u16, u16),
    Click(u16, u16),
    Wheel(u16, u16, i16),
    Pod(usize, u8, bool),
    List(usize, u8),
    State(usize, u8),
    Stream(usize, u8),
    Write(usize, i64, String),
    Find(usize, String),
    Rerank(usize),
    /// A finding becomes the counterpart of another, or a pattern part of another.
    Pair(usize, usize),
    Merge(usize, usize),
    Values(u32, u8, String),
    Publish,
    Forget,
    Answer(u32, u64, Option<(i64, u64)>),
    Print(u32, Vec<u8>),
    End(u32),
    Wait(u8),
}

/// Commands that lead somewhere; among all the others they would be too rare.
const OPENING: [Command; 10] = [
    Command::OpenShell,
    Command::ShowObjects,
    Command::ShowContrast,
    Command::ShowLogs,
    Command::Activate,
    Command::Expand,
    Command::Up,
    Command::Zoom,
    Command::ToggleDetail,
    Command::Mute,
];

fn key() -> impl Strategy<Value = Key> {
    let code = prop_oneof![
        6 => proptest::sample::select("jkhlgGqxnNeEfowtsz123/:?crydJKvpmM=[]aB".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        1 => any::<char>().prop_map(KeyCode::Char),
        4 => proptest::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Backspace, KeyCode::Up, KeyCode::Down, KeyCode::Left,
            KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Delete,
            KeyCode::Char(' '), KeyCode::F(3),
        ]),
    ];
    let modifiers = prop_oneof![
        5 => Just(Modifiers::default()),
        1 => (any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(ctrl, alt, shift)| Modifiers { ctrl, alt, shift }),
    ];
    (code, modifiers).prop_map(|(code, modifiers)| Key::new(code, modifiers))
}

fn event() -> impl Strategy<Value = Event> {
    let cluster = 0..NAMES.len();
    prop_oneof![
        8 => key().prop_map(Event::Key),
        8 => proptest::sample::select(Command::ALL.to_vec()).prop_map(Event::Command),
        2 => proptest::sample::select(OPENING.to_vec()).prop_map(Event::Command),
        1 => "[a-z(\n日\u{202e}\x1b]{0,9}".prop_map(Event::Paste),
        1 => (prop_oneof![0u16..130, 0u16..=u16::MAX], prop_oneof![0u16..60, 0u16..=u16::MAX])
            .prop_map(|(cols, rows)| Event::Resize(cols.min(400), rows.min(200))),
        2 => (0u16..170, 0u16..60).prop_map(|(x, y)| Event::Click(x, y)),
        2 => (0u16..170, 0u16..60, any::<i16>()).prop_map(|(x, y, rows)| Event::Wheel(x, y, rows)),
        2 => (cluster.clone(), 0u8..30, any::<bool>()).prop_map(|(c, n, there)| Event::Pod(c, n, there)),
        1 => (cluster.clone(), 0u8..30).prop_map(|(c, n)| Event::List(c, n)),
        1 => (cluster.clone(), 0u8..7).prop_map(|(c, n)| Event::State(c, n)),
        1 => (cluster.clone(), 0u8..24).prop_map(|(c, n)| Event::Stream(c, n)),
        6 => (cluster.clone(), 0i64..100, "([a-c] ?ERROR|\n|\t|日本|\x1b\\[3[0-7]m|[a-z ]{0,90}){0,6}")
            .prop_map(|(c, second, text)| Event::Write(c, second, text)),
        2 => (cluster, "[a-c] ?\n?ERROR").prop_map(|(c, text)| Event::Find(c, text)),
        1 => (0usize..9).prop_map(Event::Rerank),
        1 => (0usize..9, 0usize..9).prop_map(|(one, other)| Event::Pair(one, other)),
        1 => (0usize..3, 0usize..3).prop_map(|(one, other)| Event::Merge(one, other)),
        1 => (0u32..6, 0u8..3, "[a-c\u{202e}\x1b日]{0,3}").prop_map(|(pane, n, text)| Event::Values(pane, n, text)),
        4 => Just(Event::Publish),
        1 => Just(Event::Forget),
        2 => (0u32..6, 0u64..9, proptest::option::of((0i64..100, 0u64..50)))
            .prop_map(|(pane, serial, hit)| Event::Answer(pane, serial, hit)),
        3 => (3u32..9, proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(pane, bytes)| Event::Print(pane, bytes)),
        1 => (3u32..9).prop_map(Event::End),
        1 => any::<u8>().prop_map(Event::Wait),
    ]
}

fn perform(stage: &mut Stage, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => stage.say(Msg::KeyPressed(key)),
        Event::Command(command) => commands::run(&mut stage.state, command),
        Event::Paste(text) => stage.say(Msg::Pasted(text)),
        Event::Resize(cols, rows) => stage.say(Msg::Resized(Size { cols, rows })),
        Event::Click(x, y) => stage.say(Msg::Clicked { x, y }),
        Event::Wheel(x, y, rows) => stage.say(Msg::Scrolled { x, y, rows }),
        Event::Pod(cluster, n, there) => change_pod(stage, NAMES[cluster], n, there),
        Event::List(cluster, count) => {
            let mut pods: Vec<_> = (0..count).map(|n| pod(NAMES[cluster], &format!("web-{n}"))).collect();
            if let Some(other) = pods.first_mut() {
                other.workload.namespace = "other".into();
            }
            stage.report(Report::PodsListed {
                context: context(NAMES[cluster]),
                pods,
            })
        }
        Event::State(cluster, n) => change_state(stage, NAMES[cluster], n),
        Event::Stream(cluster, n) => {
            let changed = stream_state(n, stage.now);
            let source = crate::model::SourceId {
                context: context(NAMES[cluster]),
                // Often the one that wrote all records.
                n: u32::from(n % 3),
            };
            stage.report(Report::StreamChanged { source, state: changed })
        }
        Event::Write(cluster, second, text) => {
            stage.write(NAMES[cluster], second, &text);
            Vec::new()
        }
        Event::Find(cluster, text) => {
            stage.find(NAMES[cluster], &text, RecordId(u64::try_from(cluster).unwrap() + 3));
            Vec::new()
        }
        Event::Rerank(by) => {
            stage.rerank(|findings| {
                let count = findings.len();
                findings.rotate_left(by.min(count));
            });
            Vec::new()
        }
        Event::Pair(one, other) => {
            stage.rerank(|findings| {
                let of = findings.get(other).map(|finding| finding.pattern);
                if let Some(finding) = findings.get_mut(one) {
                    finding.variant_of = of;
                }
            });
            Vec::new()
        }
        Event::Merge(one, other) => {
            stage.merge(["a", "b", "c"][one], ["a", "b", "c"][other]);
            Vec::new()
        }
        Event::Values(pane, n, text) => stage.say(Msg::ValuesRead {
            pane: PaneId(pane),
            pattern: pattern(["a", "b", "c"][usize::from(n)]),
            values: rehearsal::values(&[("dev", &[(&text, 3), ("x", 1)]), ("prod", &[("x", 2)])]),
        }),
        Event::Publish => {
            stage.publish();
            Vec::new()
        }
        Event::Forget => {
            stage.forget_records();
            Vec::new()
        }
        Event::Answer(pane, serial, hit) => stage.say(Msg::Searched {
            pane: PaneId(pane),
            serial,
            found: Found {
                hit: hit.map(|(second, id)| Position {
                    time: START + Span::from_secs(second),
                    id: RecordId(id),
                }),
                finished: true,
                ..Found::default()
            },
        }),
        Event::Print(pane, bytes) => stage.say(Msg::ExecPrinted {
            pane: PaneId(pane),
            bytes: Bytes::from(bytes),
        }),
        Event::End(pane) => stage.say(Msg::ExecEnded {
            pane: PaneId(pane),
            end: ExecEnd::Lost { cause: "gone".into() },
        }),
        Event::Wait(seconds) => {
            stage.now = stage.now + Span::from_secs(i64::from(seconds));
            stage.say(Msg::Woke)
        }
    }
}

fn stream_state(n: u8, now: Time) -> StreamState {
    let (cause, next): (std::sync::Arc<str>, Time) = ("it\u{202e} broke\n".into(), now + Span::from_secs(9));
    match n / 2 {
        0 => StreamState::Live,
        1 => StreamState::Quiet { since: now },
        2 => StreamState::Stalled { since: next },
        3 => StreamState::Polled {
            every: Span::from_secs(5),
            cap: cause,
        },
        4 => StreamState::Waiting { reason: cause },
        5 => StreamState::Reconnecting {
            attempt: u32::MAX,
            cause,
            next,
        },
        6 => StreamState::Denied { cause },
        7 => StreamState::Throttled { until: next },
        8 => StreamState::NotFollowed { cap: cause },
        9 => StreamState::Opening,
        10 => StreamState::Gone,
        _ => StreamState::Ended,
    }
}

fn change_pod(stage: &mut Stage, cluster: &str, n: u8, there: bool) -> Vec<Effect> {
    let owner = ["api", "web", "db"][usize::from(n % 3)];
    let mut pod = pod(cluster, &format!("{owner}-{n}"));
    pod.ready = n.is_multiple_of(2);
    stage.report(if there {
        Report::PodApplied(pod)
    } else {
        Report::PodDeleted(pod.key)
    })
}

fn change_state(stage: &mut Stage, cluster: &str, n: u8) -> Vec<Effect> {
    let (since, next) = (stage.now, stage.now + Span::from_secs(9));
    let cause: std::sync::Arc<str> = "it\u{202e} broke\n".into();
    let changed = match n {
        0 => ClusterState::Connecting { since },
        1 => ClusterState::Live { since },
        2 => ClusterState::Stale { since, cause, next },
        3 => ClusterState::NeedsLogin { since, cause },
        4 => ClusterState::Forbidden { since, cause },
        5 => ClusterState::Unreachable { since, cause, next },
        _ => ClusterState::Broken { since, cause },
    };
    stage.report(Report::StateChanged {
        context: context(cluster),
        state: changed,
    })
}

fn assert_inside(inner: Rect, outer: Rect, what: &str) {
    assert!(
        inner.x >= outer.x && inner.y >= outer.y && inner.right() <= outer.right() && inner.bottom() <= outer.bottom(),
        "{what}: {inner:?} is not inside {outer:?}"
    );
}

fn assert_sound(scene: &Scene) {
    let screen = Rect::new(0, 0, scene.size.cols, scene.size.rows);
    if scene.too_small {
        assert!(scene.panes.is_empty());
        return;
    }
    let bar = scene.bar_rows;
    let area = Rect::new(0, bar, scene.size.cols, scene.size.rows - bar - 1);
    let cells: u32 = scene.panes.iter().map(|pane| cells(pane.rect)).sum();
    assert_eq!(cells, self::cells(area), "the panes tile the screen");
    assert_eq!(scene.panes.iter().filter(|pane| pane.focused).count(), 1);
    assert_inside(area, screen, "area");
    for pane in &scene.panes {
        assert_inside(pane.rect, area, "pane");
        assert_pane(pane);
    }
}

fn cells(rect: Rect) -> u32 {
    u32::from(rect.width) * u32::from(rect.height)
}

fn line(spans: &[super::scene::Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

fn assert_pane(pane: &PaneScene) {
    let body = PaneScene::body_rect(pane.rect);
    let height = usize::from(body.height);
    let in_view = |rows: usize, selected: Option<usize>, total: usize| {
        assert!(rows <= height, "{pane:?}");
        assert!(
            total == 0 || rows == 0 || selected.is_some_and(|selected| selected < rows),
            "{pane:?}"
        );
    };
    match &pane.body {
        Body::Contrast(contrast) => {
            in_view(contrast.rows.len(), contrast.selected, contrast.total);
            let rule = usize::from(!contrast.detail.lines.is_empty());
            let prompt = usize::from(contrast.prompt.is_some());
            let used = 1 + contrast.rows.len() + rule + contrast.detail.lines.len() + prompt;
            assert!(height < 3 || used <= height, "{pane:?}");
            let selected = contrast.selected.and_then(|selected| contrast.rows.get(selected));
            assert!(
                selected.is_none_or(|row| !line(&row.lead).starts_with('└')),
                "a counterpart is selected: {pane:?}"
            );
        }
        Body::Objects(objects) => in_view(objects.rows.len(), objects.selected, objects.total),
        Body::Logs(logs) => {
            assert_eq!(
                logs.columns.iter().filter(|column| column.focused).count(),
                usize::from(!logs.columns.is_empty())
            );
            for column in &logs.columns {
                assert_inside(column.rect, body, "column");
                assert!(column.rows.len() <= usize::from(column.rect.height));
                let paused = pane.note.iter().any(|note| note.text.starts_with("paused"));
                if paused && column.focused && !column.rows.is_empty() {
                    assert!(column.rows.iter().any(|row| row.selected), "{pane:?}");
                }
                for row in &column.rows {
                    assert!(row.hits.iter().all(|hit| row.text.get(hit.clone()).is_some()));
                }
            }
        }
        Body::Exec(exec) => {
            let (cols, rows) = (exec.grid.cols, exec.grid.rows);
            assert!(
                cols <= body.width.max(2) && rows <= body.height.max(1),
                "{cols}x{rows} in {body:?}"
            );
            assert_eq!(exec.grid.cells.len(), usize::from(cols) * usize::from(rows));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_screen_is_sound(
        (cols, rows) in prop_oneof![1 => (0u16..180, 0u16..60), 4 => (80u16..200, 20u16..60)],
        events in proptest::collection::vec(event(), 0..150),
        each in any::<bool>(),
    ) {
        let mut stage = Stage::live(cols, rows);
        for event in events {
            drop(perform(&mut stage, event));
            if each {
                drop(stage.settle());
                assert_sound(stage.scene());
            }
        }
        drop(stage.settle());
        assert_sound(stage.scene());
        let once = stage.scene().clone();
        stage.state.take_dirty();
        stage.say(Msg::Woke);
        drop(stage.settle());
        prop_assert_eq!(stage.scene(), &once, "settling again changed the scene");
        prop_assert!(!stage.state.take_dirty());
        prop_assert!(stage.now >= START && Time::MAX > stage.now);
    }
}
