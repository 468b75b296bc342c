//! Keys and news in, frames out, for the whole screen: engine, state and view together, without a terminal or a network.

use std::sync::Arc;

use bytes::Bytes;
use kontrast::logs::{Engine, EngineConfig};
use kontrast::model::{
    ClusterState, ContainerKind, ContextId, Ingest, Line, PodKey, Report, Source, SourceId, Target, Time, WorkloadKey,
    WorkloadKind,
};
use kontrast::view::{self, Palette};
use kontrast::workspace::key::Key;
use kontrast::workspace::keymap::Keymap;
use kontrast::workspace::msg::{Msg, OpenedContext, Size};
use kontrast::workspace::{State, settle, update};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;

const NAMES: [&str; 3] = ["dev", "staging", "prod"];

/// Seconds since 1970 at which the screen is opened.
const NOW: i64 = 1_800_000_000;

fn at(secs: i64) -> Time {
    Time::from_secs(NOW + secs)
}

fn context(cluster: usize) -> ContextId {
    ContextId(u16::try_from(cluster).unwrap())
}

/// What is told to the screen, in order, each with its time.
type Night = Vec<(Msg, Time)>;

/// Opens the screen at `size` and tells it `night`.
fn screen(size: (u16, u16), night: &Night) -> State {
    let size = Size {
        cols: size.0,
        rows: size.1,
    };
    let mut state = State::new(Keymap::default_keys(), size, at(0));
    for (msg, now) in night {
        drop(update(&mut state, msg.clone(), *now));
        drop(settle(&mut state, *now));
    }
    state
}

fn frame(state: &State, palette: Palette) -> Buffer {
    let size = state.scene().size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, size.cols, size.rows));
    view::draw(state, &palette, &mut buffer);
    buffer
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    buffer
        .content
        .chunks(width)
        .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect())
        .collect()
}

fn text(state: &State) -> String {
    rows(&frame(state, Palette::default())).join("\n")
}

fn opened() -> Night {
    let contexts = NAMES
        .iter()
        .enumerate()
        .map(|(n, name)| OpenedContext {
            id: context(n),
            name: Arc::from(*name),
            namespace: "shop".into(),
            insecure: None,
            plugin: None,
        })
        .collect();
    vec![(Msg::ContextsOpened(contexts), at(0))]
}

fn source(cluster: usize, n: u32, started: i64) -> Source {
    let pod = PodKey {
        context: context(cluster),
        namespace: "shop".into(),
        name: format!("api-{}{n}", NAMES[cluster]).into(),
        uid: format!("uid-{cluster}-{n}").into(),
    };
    Source {
        id: SourceId {
            context: context(cluster),
            n,
        },
        target: Target {
            pod,
            container: "api".into(),
        },
        kind: ContainerKind::Main,
        workload: WorkloadKey {
            namespace: "shop".into(),
            kind: WorkloadKind::Deployment,
            name: "api".into(),
        },
        restarts: n,
        started: Some(at(started)),
        image: "registry.example/shop/api:1".into(),
    }
}

/// Story 1 as the engine is told it: every start in prod ends in a traceback, the other two go on.
fn works_in_staging() -> Night {
    story_of(&[0, 1, 2])
}

/// The same when only these clusters can be watched.
fn story_of(watched: &[usize]) -> Night {
    let mut engine = Engine::new(EngineConfig::default());
    engine.open_contexts(
        NAMES
            .iter()
            .enumerate()
            .map(|(n, name)| (context(n), Arc::from(*name)))
            .collect(),
    );
    let mut tell = |ingest| engine.apply(ingest, at(0));
    for cluster in watched.iter().copied() {
        tell(Ingest::Watched {
            context: context(cluster),
            namespace: None,
            at: at(0),
            watched: true,
        });
    }
    let line = |secs: i64, text: &str| Line {
        time: at(secs),
        bytes: Bytes::copy_from_slice(text.as_bytes()),
    };
    for cluster in watched.iter().copied().filter(|cluster| *cluster < 2) {
        let healthy = source(cluster, 0, -900);
        let id = healthy.id;
        tell(Ingest::SourceOpened(healthy));
        tell(Ingest::CoverageBegan {
            source: id,
            from: at(-900),
        });
        let lines = (-900..0).map(|secs| {
            line(
                secs,
                &format!("INFO served /projects/{} in {} ms", secs + 900, 900 - secs),
            )
        });
        tell(Ingest::Lines {
            source: id,
            lines: lines.collect(),
        });
    }
    for (n, started) in (0..).zip([-600, -400, -300, -200, -100, -20]) {
        let crashing = source(2, n, started);
        let id = crashing.id;
        tell(Ingest::SourceOpened(crashing));
        tell(Ingest::CoverageBegan {
            source: id,
            from: at(started),
        });
        let lines = [
            "INFO starting",
            "Traceback (most recent call last):",
            "  File \"/app/api/projects.py\", line 12, in <module>",
            "    import requests",
            "ModuleNotFoundError: No module named 'requests'",
        ];
        tell(Ingest::Lines {
            source: id,
            lines: lines.iter().map(|text| line(started, text)).collect(),
        });
        tell(Ingest::CoverageEnded {
            source: id,
            at: at(started + 1),
        });
        tell(Ingest::SourceEnded {
            source: id,
            at: at(started + 1),
        });
    }
    let mut night = opened();
    for cluster in watched.iter().copied() {
        let state = ClusterState::Live { since: at(0) };
        night.push((
            Msg::Reported(Report::StateChanged {
                context: context(cluster),
                state,
            }),
            at(0),
        ));
    }
    for secs in 1..6 {
        engine.tick(at(secs));
        night.push((Msg::SnapshotTaken(engine.snapshot(at(secs))), at(secs)));
    }
    night
}

fn with_keys(mut night: Night, keys: &str) -> Night {
    night.extend(
        keys.split_whitespace()
            .map(|key| (Msg::KeyPressed(Key::parse(key).unwrap()), at(6))),
    );
    night
}

#[test]
fn the_first_frame_needs_no_network() {
    let shown = text(&screen((200, 50), &opened()));
    for wanted in ["dev", "staging", "prod", "Contrast", "Objects", "Logs", "connecting"] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
}

#[test]
fn the_story_is_told_in_one_row() {
    for size in [(200, 50), (120, 40), (80, 24)] {
        let state = screen(size, &works_in_staging());
        let shown = rows(&frame(&state, Palette::default()));
        let told = shown
            .iter()
            .any(|row| row.contains("only prod") && row.contains("ModuleNotFoundError"));
        assert!(told, "{size:?}\n{}", shown.join("\n"));
    }
}

#[test]
fn enter_leads_to_the_record_in_its_cluster() {
    let shown = text(&screen((200, 50), &with_keys(works_in_staging(), "enter")));
    assert!(shown.contains("import requests"), "{shown}");
    assert!(
        shown.contains("served /projects"),
        "the others are shown at the same time\n{shown}"
    );
    let only = text(&screen((200, 50), &with_keys(works_in_staging(), "enter x")));
    assert!(
        only.contains("import requests") && !only.contains("served /projects/"),
        "{only}"
    );
}

#[test]
fn what_a_person_says_of_patterns_is_on_the_screen() {
    let shown = |keys: &str| text(&screen((200, 50), &with_keys(works_in_staging(), keys)));
    let labelled = shown("= o o p s enter p");
    assert!(labelled.contains("★ oops · ModuleNotFoundError"), "{labelled}");
    let muted = shown("m");
    assert!(
        muted.contains("1 muted (M shows)") && !muted.contains("E only prod"),
        "{muted}"
    );
    let all = shown("m M");
    assert!(all.contains("muted ModuleNotFoundError"), "{all}");
    let found = shown("/ m o d u l e");
    assert!(
        found.contains("Contrast · /module") && !found.contains("served <*>"),
        "{found}"
    );
}

#[test]
fn the_detail_says_what_each_cluster_has() {
    for size in [(200, 50), (120, 40), (80, 24)] {
        let shown = text(&screen(size, &with_keys(works_in_staging(), "z d")));
        for wanted in ["only prod", "shop/api", "dev      none in", "prod     6 records"] {
            assert!(shown.contains(wanted), "{size:?} {wanted}\n{shown}");
        }
    }
    let whole = text(&screen((200, 50), &with_keys(works_in_staging(), "z d")));
    assert!(whole.contains("    import requests"), "{whole}");
    let down = text(&screen((200, 50), &with_keys(story_of(&[0, 2]), "z d")));
    assert!(down.contains("staging  not known"), "{down}");
}

#[test]
fn without_colour_everything_is_still_said() {
    let buffer = frame(&screen((200, 50), &works_in_staging()), Palette::plain());
    let coloured = buffer
        .content
        .iter()
        .find(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
    assert_eq!(coloured, None);
    assert!(rows(&buffer).iter().any(|row| row.contains("only prod")));
}

#[test]
fn the_same_night_makes_the_same_frames() {
    let night = with_keys(
        works_in_staging(),
        "j j enter o w t / P r o enter n esc ? esc ctrl-w v z",
    );
    let (one, two) = (screen((160, 45), &night), screen((160, 45), &night));
    for palette in [Palette::default(), Palette::plain()] {
        let first = frame(&one, palette);
        assert_eq!(first, frame(&one, palette), "painting changes nothing");
        assert_eq!(first, frame(&two, palette), "nothing but the messages matters");
    }
}

#[test]
fn a_cluster_that_is_down_is_never_said_to_be_free_of_the_error() {
    let mut night = story_of(&[0, 2]);
    let cause = "connection refused".into();
    let state = ClusterState::Unreachable {
        since: at(0),
        cause,
        next: at(60),
    };
    night.push((
        Msg::Reported(Report::StateChanged {
            context: context(1),
            state,
        }),
        at(6),
    ));
    let shown = text(&screen((200, 50), &night));
    assert!(
        shown.contains("unreachable") && shown.contains("connection refused"),
        "{shown}"
    );
    let row = shown
        .lines()
        .find(|row| row.contains("ModuleNotFoundError"))
        .unwrap_or_default();
    assert!(row.contains("unknown") && !row.contains("only"), "{shown}");
}

#[test]
fn too_small_a_terminal_is_told_what_is_needed() {
    for size in [(39, 10), (40, 9), (20, 5)] {
        let shown = text(&screen(size, &works_in_staging()));
        assert!(shown.replace([' ', '\n'], "").contains("40x10"), "{size:?}\n{shown}");
    }
    assert!(!text(&screen((40, 10), &works_in_staging())).contains("40x10"));
}
