//! The screen as a whole: first frame, sizes, findings, focus, overlays, mouse, time.

use crate::model::{ClusterState, ContextId, Insecure, PaneId, Report, SourceId, Span, StreamState, UnknownPlugin};
use crate::workspace::layout::Size;
use crate::workspace::msg::{Effect, Msg, OpenedContext};
use crate::workspace::rehearsal;
use crate::workspace::rehearsal::{NAMES, START, Stage, context, pod};

#[test]
fn before_any_network_every_pane_says_what_is_awaited() {
    let mut stage = Stage::new(160, 50);
    stage.settle();
    stage.shows(&[
        "pane*0 [Contrast] () 0,2 96x22",
        "pane 1 [Objects] () 96,2 64x22",
        "pane 2 [Logs] (following) 0,24 160x25",
        "connecting to dev, staging, prod …",
        "bar prod connecting",
        "column*[dev  connecting]\n    connecting to dev …",
    ]);
}

#[test]
fn narrow_screens_stack_and_tiny_ones_say_so() {
    let mut stage = Stage::new(80, 40);
    stage.settle();
    assert_eq!(stage.scene().panes.len(), 3);
    assert!(stage.scene().panes.iter().all(|pane| pane.rect.width == 80));
    stage.say(Msg::Resized(Size { cols: 80, rows: 12 }));
    stage.settle();
    assert!(stage.scene().panes.len() < 3);
    let first = stage.focused().id;
    stage.keys("tab");
    assert_ne!(stage.focused().id, first);
    stage.say(Msg::Resized(Size { cols: 39, rows: 12 }));
    stage.settle();
    assert!(stage.scene().too_small && stage.scene().panes.is_empty());
    stage.say(Msg::Resized(Size { cols: 160, rows: 50 }));
    stage.settle();
    assert_eq!(stage.scene().panes.len(), 3);
}

#[test]
fn findings_change_places_under_the_selected_one() {
    let mut stage = Stage::live(160, 40);
    for n in 0..5 {
        let example = stage.write("prod", 4, &format!("p{n} ERROR"));
        stage.find("prod", &format!("p{n} ERROR"), example);
    }
    stage.publish();
    stage.settle();
    stage.keys("j j");
    stage.shows(&["(3/5)", ">only prod | p2 ERROR"]);
    stage.rerank(|findings| findings.rotate_right(1));
    stage.publish();
    stage.settle();
    stage.shows(&["(4/5)", ">only prod | p2 ERROR"]);
}

#[test]
fn panes_are_split_closed_and_the_last_one_asks() {
    let mut stage = Stage::live(200, 50);
    stage.keys("3 ctrl-w v");
    assert_eq!(stage.scene().panes.len(), 4);
    assert_eq!(stage.focused().id, PaneId(3));
    stage.keys("ctrl-w x");
    stage.shows(&["status ctrl-w x does nothing here"]);
    stage.keys("ctrl-w o");
    assert_eq!(stage.scene().panes.len(), 1);
    assert_eq!(stage.keys("q"), []);
    stage.shows(&["message Leave Kontrast? y / n"]);
    assert_eq!(stage.keys("n"), []);
    assert_eq!(stage.scene().overlay, None);
    assert_eq!(stage.keys("q y"), [Effect::Quit]);
    stage.keys("1");
    stage.shows(&["[Contrast]"]);
}

#[test]
fn ctrl_c_twice_quits_and_once_says_so() {
    let mut stage = Stage::live(160, 40);
    assert_eq!(stage.keys("ctrl-c"), []);
    stage.shows(&["status press ctrl-c again to quit"]);
    assert_eq!(stage.keys("ctrl-c"), [Effect::Quit]);
    assert_eq!(stage.keys("j ctrl-c"), []);
    stage.now = stage.now + Span::from_secs(5);
    assert_eq!(stage.say(Msg::Interrupted), []);
    assert_eq!(stage.say(Msg::Interrupted), [Effect::Quit]);
}

#[test]
fn the_palette_runs_what_is_found() {
    let mut stage = Stage::live(160, 40);
    stage.keys(": d e p l");
    stage.shows(&["palette :depl @4", "palette >objects 2"]);
    stage.keys("enter");
    stage.shows(&["pane*1 [Objects]"]);
    stage.keys(":");
    stage.type_text("quitt");
    stage.keys("enter");
    stage.shows(&["there is no command quitt; did you mean quit?"]);
    assert_eq!(stage.keys("backspace enter"), [Effect::Quit]);
}

#[test]
fn help_is_that_of_the_focused_pane_and_scrolls() {
    let mut stage = Stage::live(160, 20);
    stage.keys("3 ?");
    stage.shows(&[
        "help [logs]",
        "help n: to the next hit",
        "help [everywhere]",
        "help from 0",
    ]);
    stage.keys("j G");
    let scene = stage.scene().clone();
    stage.keys("j");
    assert_eq!(stage.scene(), &scene, "it does not scroll beyond its end");
    stage.does_not_show("help from 0");
    stage.keys("q");
    assert_eq!(stage.scene().overlay, None);
}

#[test]
fn a_click_focuses_and_selects_and_the_wheel_scrolls() {
    let mut stage = Stage::live(160, 40);
    for second in 3..90 {
        stage.write("staging", second, &format!("staging says {second}"));
    }
    stage.publish();
    stage.settle();
    let column = rehearsal::logs(stage.scene())[0].columns[1].clone();
    let third = column.rows[2].text.clone();
    stage.say(Msg::Clicked {
        x: column.rect.x + 1,
        y: column.rect.y + 2,
    });
    stage.settle();
    assert_eq!(stage.selected_record(), third);
    assert_eq!(stage.focused().id, PaneId(2));
    let after = rehearsal::logs(stage.scene())[0].columns[1].clone();
    assert_eq!(after.rows[0].text, column.rows[0].text, "nothing moved");
    stage.say(Msg::Scrolled {
        x: column.rect.x + 1,
        y: column.rect.y + 2,
        rows: -3,
    });
    stage.settle();
    let scrolled = rehearsal::logs(stage.scene())[0].columns[1].clone();
    assert_eq!(scrolled.rows[3].text, column.rows[0].text);
    let objects = stage.scene().panes[1].rect;
    stage.say(Msg::Clicked {
        x: objects.x + 5,
        y: objects.y + 3,
    });
    stage.settle();
    stage.shows(&["pane*1", "> ▸web deploy"]);
}

#[test]
fn nothing_is_dirty_when_nothing_visible_has_changed() {
    let mut stage = Stage::live(160, 40);
    assert!(stage.state.take_dirty());
    let snapshot = stage.publish();
    stage.settle();
    assert!(!stage.state.take_dirty(), "a new generation with the same content");
    stage.say(Msg::SnapshotTaken(snapshot));
    assert!(!stage.state.is_dirty(), "the same generation");
    stage.report(Report::PodApplied(pod("dev", "api-1")));
    stage.report(Report::StreamChanged {
        source: SourceId {
            context: ContextId(0),
            n: 9,
        },
        state: StreamState::Gone,
    });
    assert!(!stage.state.is_dirty(), "no news");
    stage.keys("2 j");
    assert!(stage.state.take_dirty());
    let scene = stage.scene().clone();
    stage.say(Msg::Woke);
    stage.settle();
    assert_eq!(stage.scene(), &scene);
    assert!(!stage.state.take_dirty());
}

#[test]
fn a_wake_up_is_asked_for_when_something_shown_depends_on_time() {
    let mut stage = Stage::new(160, 40);
    let first = stage.settle();
    assert_eq!(
        first,
        [Effect::WakeAt(START + Span::from_secs(5))],
        "it takes long by then"
    );
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: ClusterState::Stale {
            since: START - Span::from_secs(12),
            cause: "connection refused".into(),
            next: START + Span::from_secs(5),
        },
    });
    let effects = stage.settle();
    assert_eq!(effects, [Effect::WakeAt(START + Span::from_secs(1))]);
    stage.shows(&["bar prod stale 12s connection refused · next try in 5s"]);
    stage.keys("tab");
    assert_eq!(stage.settle(), [], "one is under way");
    stage.now = START + Span::from_secs(1);
    stage.say(Msg::Woke);
    assert_eq!(stage.settle(), [Effect::WakeAt(START + Span::from_secs(2))]);
    stage.shows(&["bar prod stale 13s connection refused · next try in 4s"]);
}

#[test]
fn retrying_is_for_those_that_are_not_connected() {
    let mut stage = Stage::live(160, 40);
    assert_eq!(stage.keys("r"), []);
    stage.shows(&["status all clusters are connected"]);
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: ClusterState::NeedsLogin {
            since: START,
            cause: "aws sso login".into(),
        },
    });
    let effects = stage.keys("r");
    assert_eq!(effects.first(), Some(&Effect::RetryCluster(context("prod"))));
    stage.shows(&["status trying prod again", "trouble prod needs login 0s: aws sso login"]);
}

#[test]
fn a_cluster_that_others_may_listen_to_says_so_in_its_panes() {
    let mut stage = Stage::live(160, 40);
    stage.does_not_show("TLS OFF");
    let contexts = NAMES.iter().map(|name| OpenedContext {
        id: context(name),
        name: (*name).into(),
        namespace: "shop".into(),
        insecure: (*name == "prod").then_some(Insecure::Unverified),
        plugin: None,
    });
    stage.say(Msg::ContextsOpened(contexts.collect()));
    stage.settle();
    stage.shows(&["prod TLS OFF  live"]);
    stage.does_not_show("staging TLS OFF");
}

#[test]
fn a_login_is_one_key_for_the_cluster_that_needs_it() {
    let mut stage = Stage::live(160, 40);
    assert_eq!(stage.keys("L"), []);
    stage.shows(&["status no cluster needs a login"]);
    let contexts = NAMES.iter().map(|name| OpenedContext {
        id: context(name),
        name: (*name).into(),
        namespace: "shop".into(),
        insecure: None,
        plugin: (*name == "prod").then(|| "kubelogin get-token".into()),
    });
    stage.say(Msg::ContextsOpened(contexts.collect()));
    let needs_login = |cluster| Report::StateChanged {
        context: context(cluster),
        state: ClusterState::NeedsLogin {
            since: START,
            cause: "MFA".into(),
        },
    };
    stage.report(needs_login("prod"));
    stage.settle();
    stage.shows(&["hints L log in", "trouble prod needs login 0s: MFA"]);
    assert_eq!(stage.keys("L"), [Effect::Login(context("prod"))]);
    // There is nothing that a key could do for a token that is no good.
    stage.report(needs_login("dev"));
    assert_eq!(stage.keys("L"), []);
    stage.shows(&["status dev has no credential plugin to run"]);
}

#[test]
fn a_plugin_that_was_never_allowed_is_asked_about() {
    let mut stage = Stage::live(160, 40);
    let plugin = UnknownPlugin {
        command: "/opt/x login \u{202e}evil".into(),
        fingerprint: "f".into(),
    };
    stage.report(Report::StateChanged {
        context: context("staging"),
        state: ClusterState::Asks {
            since: START,
            plugin: plugin.clone(),
        },
    });
    stage.settle();
    stage.shows(&[
        "trouble staging asks: run /opt/x login <U+202E>evil ?",
        "hints L log in",
    ]);
    for no in ["n", "esc", "enter", "q"] {
        assert_eq!(stage.keys("L"), []);
        stage.shows(&[
            "message Run this credential plugin for staging? y / n",
            "message /opt/x login <U+202E>evil",
        ]);
        assert_eq!(stage.keys(no), [], "{no}");
        stage.does_not_show("message");
    }
    let context = context("staging");
    assert_eq!(stage.keys("L y"), [Effect::AllowPlugin { context, plugin }]);
}

#[test]
fn copying_takes_the_selected_thing_without_escapes() {
    let mut stage = Stage::live(160, 40);
    stage.write("dev", 9, "\x1b[31mred\x1b[0m \x1b]0;evil\x07");
    stage.publish();
    stage.settle();
    assert_eq!(stage.keys("3 k j c"), [Effect::Copy("red ␛]0;evil␇".to_owned())]);
    assert_eq!(stage.keys("G c"), []);
    stage.shows(&["status nothing is selected to copy"]);
    assert_eq!(stage.keys("2 c"), [Effect::Copy("api".to_owned())]);
}

#[test]
fn failures_and_notices_stay_until_the_next_key() {
    let mut stage = Stage::live(160, 40);
    stage.say(Msg::Failed {
        what: "read the keymap".into(),
        cause: "no such\nfile".into(),
    });
    stage.settle();
    stage.shows(&["status failed to read the keymap: no such⏎file"]);
    stage.keys("j");
    stage.does_not_show("failed");
}
