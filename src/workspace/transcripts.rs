//! Transcripts: what happens and what is pressed, the effects and the scene that come of it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;

use crate::logs::{Direction, Filter, Scope, search};
use crate::model::{
    ClusterState, ContainerState, ContextId, EventRow, ExecEnd, ObjectRef, PaneId, Report, Span, StreamState,
    Termination, Time,
};

use super::layout::Size;
use super::msg::{Effect, Msg, SearchRequest};
use super::rehearsal::{START, Stage, context, pattern, pod, workload};
use super::scene::Body;

/// The searches among the effects.
fn searches(effects: Vec<Effect>) -> Vec<SearchRequest> {
    let mut requests = Vec::new();
    for effect in effects {
        if let Effect::Search(request) = effect {
            requests.push(request);
        }
    }
    requests
}

/// Answers a search as the app does.
fn answer(stage: &mut Stage, request: &SearchRequest) {
    let found = search(
        &request.snapshot,
        &request.filter,
        &request.query,
        request.from,
        request.direction,
        &AtomicBool::new(false),
    );
    stage.say(Msg::Searched {
        pane: request.pane,
        serial: request.serial,
        found,
    });
    stage.settle();
}

fn answer_last(stage: &mut Stage, effects: Vec<Effect>) {
    let request = searches(effects).pop().expect("a search");
    answer(stage, &request);
}

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
fn a_workload_has_a_cell_per_cluster() {
    let mut stage = Stage::live(200, 50);
    stage.shows(&[
        "api deploy | 1/1 v1.2 2h | 1/1 v1.2 2h | 1/1 v1.2 2h",
        "web deploy | 2/2 v1.2 2h",
    ]);
    let mut bad = pod("prod", "web-2");
    bad.ready = false;
    bad.version = "v1.3".into();
    let end = Termination {
        id: "x".into(),
        exit_code: 1,
        signal: 0,
        reason: "Error".into(),
        message: "first\nModuleNotFoundError: requests\n".into(),
        started: START,
        finished: START - Span::from_secs(30),
    };
    if let Some(container) = bad.containers.first_mut() {
        container.restarts = 4;
        container.state = ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: "back-off 5m0s".into(),
        };
        container.last = Some(end);
    }
    let key = bad.key.clone();
    stage.report(Report::PodApplied(bad));
    stage.report(Report::EventApplied {
        context: context("prod"),
        event: EventRow {
            uid: "e".into(),
            about: ObjectRef {
                context: context("prod"),
                kind: "Pod".into(),
                namespace: "shop".into(),
                name: "web-2".into(),
            },
            warning: true,
            reason: "BackOff".into(),
            message: "restarting failed container".into(),
            source: "kubelet".into(),
            count: 7,
            first: START,
            last: START,
        },
    });
    stage.keys("2 j space j j j j j j");
    stage.shows(&[
        "bar prod live 2/3",
        "| 1/2 CrashLoopBackOff ↻4 v1.2 v1.3 2h",
        ">  ▸web-2 |  |  | CrashLoopBackOff ↻4 v1.3 2h node-1",
        "= app CrashLoopBackOff back-off 5m0s",
        "exit 1 · ModuleNotFoundError: requests",
    ]);
    stage.report(Report::PodDeleted(key));
    stage.settle();
    stage.shows(&["bar prod live 2/2"]);
    stage.does_not_show("CrashLoopBackOff");
}

#[test]
fn what_is_not_known_of_a_cluster_is_not_said_to_be_absent() {
    let mut stage = Stage::new(200, 50);
    stage.report(Report::PodsListed {
        context: context("dev"),
        pods: vec![pod("dev", "api-1")],
    });
    let forbidden = ClusterState::Forbidden {
        since: START,
        cause: "pods is forbidden".into(),
    };
    stage.report(Report::StateChanged {
        context: context("prod"),
        state: forbidden,
    });
    stage.settle();
    stage.shows(&[
        "api deploy | 1/1 v1.2 2h | ? | no access",
        "bar prod forbidden pods is forbidden",
        "trouble prod forbidden: pods is forbidden",
        "no access to prod: pods is forbidden",
    ]);
    stage.report(Report::PodsListed {
        context: context("staging"),
        pods: Vec::new(),
    });
    stage.settle();
    stage.shows(&["api deploy | 1/1 v1.2 2h | – | no access"]);
}

#[test]
fn columns_share_one_time() {
    let mut stage = Stage::live(160, 40);
    stage.keys("3 g");
    assert_eq!(stage.selected_record(), "dev says 0");
    stage.keys("j");
    assert_eq!(stage.selected_record(), "dev says 1");
    stage.keys("l");
    assert_eq!(stage.selected_record(), "staging says 1");
    stage.keys("h l l");
    assert_eq!(stage.selected_record(), "prod says 1");
    stage.shows(&["(paused)", "column*[prod  live]"]);
    stage.write("dev", 9, "dev says more");
    stage.publish();
    stage.settle();
    stage.shows(&["(paused, 1 new)"]);
    assert_eq!(stage.selected_record(), "prod says 1");
    stage.keys("G");
    stage.shows(&["(following)"]);
    assert_eq!(stage.selected_record(), "");
}

#[test]
fn a_paused_view_stands_still_while_records_arrive() {
    let mut stage = Stage::live(160, 40);
    for second in 3..200 {
        stage.write("dev", second, &format!("dev says {second}"));
    }
    stage.publish();
    stage.settle();
    stage.keys("3 k k k ctrl-u");
    let before = stage.focused().body.clone();
    let selected = stage.selected_record();
    for second in 200..400 {
        stage.write("dev", second, &format!("dev says {second}"));
    }
    stage.publish();
    stage.settle();
    assert_eq!(stage.focused().body, before);
    assert_eq!(stage.selected_record(), selected);
    stage.shows(&["(paused, 200 new)"]);
}

#[test]
fn enter_on_a_finding_shows_its_example_among_its_neighbours() {
    let mut stage = Stage::live(160, 40);
    let example = stage.write("prod", 4, "Traceback ERROR\n  File x\nModuleNotFoundError: requests");
    stage.write("prod", 5, "prod says 5");
    stage.find(
        "prod",
        "Traceback (most recent call last):\n  File <*>\nModuleNotFoundError: <*>",
        example,
    );
    stage.publish();
    stage.settle();
    stage.shows(&[
        ">only prod | ModuleNotFoundError: <*> | 0 0 1",
        "= seen in prod, not in the others",
    ]);
    stage.keys("enter");
    assert_eq!(
        stage.selected_record(),
        "Traceback ERROR|  File x|ModuleNotFoundError: requests"
    );
    stage.shows(&["marked ModuleNotFoundError: <*>", "column*[prod", "prod says 5"]);
    let effects = stage.keys("x");
    assert_eq!(effects, []);
    stage.shows(&["only ModuleNotFoundError: <*>", "no record of this pattern here"]);
    stage.does_not_show("prod says 5");
    stage.keys("esc");
    stage.shows(&["marked ModuleNotFoundError: <*>", "prod says 5"]);
    stage.keys("esc");
    stage.does_not_show("marked");
}

#[test]
fn a_finding_whose_records_are_gone_says_so() {
    let mut stage = Stage::live(160, 40);
    let example = stage.write("prod", 4, "boom ERROR");
    stage.find("prod", "boom ERROR", example);
    stage.forget_records();
    stage.publish();
    stage.settle();
    stage.keys("enter");
    stage.shows(&["status no record of this pattern is held any more"]);
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
fn a_search_goes_with_every_key_and_late_answers_are_dropped() {
    let mut stage = Stage::live(160, 40);
    let first = searches(stage.keys("/ s a"));
    assert_eq!(first.len(), 2);
    let effects = stage.keys("y");
    assert_eq!(effects.first(), Some(&Effect::CancelSearch { pane: PaneId(2) }));
    let request = searches(effects).pop().expect("a search");
    assert_eq!((request.query.text(), request.direction), ("say", Direction::Backward));
    answer(&mut stage, &first[0]);
    stage.shows(&["/say @3 (searching …)"]);
    answer(&mut stage, &request);
    stage.shows(&["/say @3 (dev 3 · staging 3 · prod 3)"]);
    assert_eq!(stage.selected_record(), "prod says 2", "the newest");
    stage.keys("enter");
    stage.shows(&["(/say  dev 3 · staging 3 · prod 3 · paused)"]);
    let effects = stage.keys("N");
    answer_last(&mut stage, effects);
    assert_eq!(stage.selected_record(), "staging says 2");
    let effects = stage.keys("n n");
    let requests = searches(effects);
    answer(&mut stage, &requests[0]);
    answer(&mut stage, &requests[1]);
    assert_eq!(stage.selected_record(), "prod says 2");
    stage.keys("esc");
    stage.does_not_show("/say");
}

#[test]
fn a_search_that_is_given_up_returns_to_where_it_began() {
    let mut stage = Stage::live(160, 40);
    let effects = stage.keys("/ s a y s space 0");
    answer_last(&mut stage, effects);
    stage.shows(&["(paused)"]);
    stage.keys("esc");
    stage.shows(&["(following)"]);
    stage.keys("3 g j");
    assert_eq!(stage.selected_record(), "dev says 1");
    let effects = stage.keys("/ 2");
    answer_last(&mut stage, effects);
    assert_eq!(stage.selected_record(), "dev says 2", "the next");
    stage.keys("backspace");
    assert_eq!(stage.selected_record(), "dev says 1");
    let effects = stage.keys("n o n e");
    answer_last(&mut stage, effects);
    stage.shows(&["/none @4 (dev 0 · staging 0 · prod 0)"]);
    assert_eq!(stage.selected_record(), "dev says 1");
    stage.keys("ctrl-c");
    assert_eq!(stage.selected_record(), "dev says 1");
}

#[test]
fn a_mistake_in_a_search_is_said_where_it_is_typed() {
    let mut stage = Stage::live(160, 40);
    assert_eq!(searches(stage.keys("/ a (")).len(), 1);
    stage.shows(&["/a( @2 (unclosed group at column 2)"]);
    stage.keys("enter");
    stage.shows(&["/a( @2"]);
    assert_eq!(searches(stage.keys("backspace")).len(), 1);
}

#[test]
fn the_next_error_is_found_at_once() {
    let mut stage = Stage::live(160, 40);
    stage.write("dev", 1, "dev ERROR one");
    stage.publish();
    stage.settle();
    stage.keys("3 E");
    assert_eq!(stage.selected_record(), "dev ERROR one");
    stage.keys("e");
    stage.shows(&["status no later error in dev"]);
    stage.keys("l E");
    stage.shows(&["status no earlier error in staging"]);
}

#[test]
fn merged_logs_are_one_column_by_time() {
    let mut stage = Stage::live(160, 40);
    stage.keys("3 o g");
    stage.shows(&["(merged · paused)", "column*[all clusters]"]);
    assert_eq!(stage.selected_record(), "dev says 0");
    stage.keys("j j");
    assert_eq!(stage.selected_record(), "prod says 0");
    stage.shows(&[">12:00:00.000 prod    prod says 0"]);
    stage.keys("o");
    assert_eq!(stage.selected_record(), "prod says 0");
    stage.shows(&["column*[prod"]);
}

#[test]
fn an_object_opens_its_logs() {
    let mut stage = Stage::live(160, 40);
    stage.keys("2 l");
    stage.shows(&["pane*2 [Logs shop/api]", "column*[dev", "prod says 2"]);
    stage.keys("2 j l");
    stage.shows(&["[Logs shop/web]", "no record of this here"]);
    stage.keys("2 k space j enter");
    stage.shows(&["[Logs shop/api-1]"]);
    assert_eq!(stage.state.logs_pane(), Some(PaneId(2)));
    stage.keys("esc");
    stage.shows(&["pane*2 [Logs] "]);
}

#[test]
fn collapsing_goes_up_the_tree() {
    let mut stage = Stage::live(160, 40);
    stage.keys("2 j space j space j");
    stage.shows(&[">   app |"]);
    stage.keys("h");
    stage.shows(&[">  ▾web-1"]);
    stage.keys("h");
    stage.shows(&[">  ▸web-1"]);
    stage.keys("h h");
    stage.shows(&["> ▸web deploy", "(2/2)"]);
}

#[test]
fn a_shell_gets_every_key_but_one() {
    let mut stage = Stage::live(160, 40);
    let effects = stage.keys("2 s");
    let [Effect::OpenExec { pane, request }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let pane = *pane;
    assert_eq!(
        (&*request.target.pod.name, &*request.target.container),
        ("api-1", "app")
    );
    let size = (request.cols, request.rows);
    stage.shows(&["[Shell dev shop/api-1/app] (opening …)"]);
    let Body::Exec(exec) = &stage.focused().body else {
        panic!("no shell")
    };
    assert_eq!((exec.grid.cols, exec.grid.rows), size, "the size it was opened with");
    stage.say(Msg::ExecOpened { pane });
    let printed = stage.say(Msg::ExecPrinted {
        pane,
        bytes: Bytes::from_static(b"$ \x1b[6n"),
    });
    let sent = |bytes: &'static [u8]| Effect::SendToExec {
        pane,
        bytes: Bytes::from_static(bytes),
    };
    assert_eq!(printed, [sent(b"\x1b[1;3R")]);
    assert_eq!(stage.keys("q ctrl-c :"), [sent(b"q"), sent(b"\x03"), sent(b":")]);
    stage.shows(&["(typing)", "  $"]);
    assert_eq!(stage.keys("ctrl-]"), []);
    stage.shows(&["(scrolling)", "typing false"]);
    let effects = stage.keys("z");
    assert!(matches!(effects.as_slice(), [Effect::ResizeExec { .. }]), "{effects:?}");
    stage.keys("i");
    stage.say(Msg::ExecEnded {
        pane,
        end: ExecEnd::Exited(0),
    });
    stage.settle();
    stage.shows(&["exited 0", "(ended)"]);
    assert_eq!(stage.keys("enter"), []);
    stage.does_not_show("Shell");
    assert_eq!(stage.state.open_shells(), 0);
}

#[test]
fn a_shell_opens_from_the_logs_where_the_container_is_plain() {
    let mut stage = Stage::live(160, 40);
    let target = |effects: &[Effect]| match effects {
        [Effect::OpenExec { request, .. }] => request.target.pod.context,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        target(&stage.keys("3 l s")),
        context("staging"),
        "one container writes there"
    );
    stage.keys("ctrl-] q 3 o");
    assert_eq!(stage.keys("s"), []);
    stage.shows(&["status no container is selected for a shell"]);
    assert_eq!(target(&stage.keys("k s")), context("staging"), "that of the record");
}

#[test]
fn closing_a_shell_ends_it() {
    let mut stage = Stage::live(160, 40);
    stage.keys("2 s ctrl-]");
    let effects = stage.keys("q");
    assert_eq!(effects, [Effect::CloseExec { pane: PaneId(3) }]);
    let late = stage.say(Msg::ExecPrinted {
        pane: PaneId(3),
        bytes: Bytes::from_static(b"\x1b[6n"),
    });
    assert_eq!(late, []);
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
    let column = super::rehearsal::logs(stage.scene())[0].columns[1].clone();
    let third = column.rows[2].text.clone();
    stage.say(Msg::Clicked {
        x: column.rect.x + 1,
        y: column.rect.y + 2,
    });
    stage.settle();
    assert_eq!(stage.selected_record(), third);
    assert_eq!(stage.focused().id, PaneId(2));
    let after = super::rehearsal::logs(stage.scene())[0].columns[1].clone();
    assert_eq!(after.rows[0].text, column.rows[0].text, "nothing moved");
    stage.say(Msg::Scrolled {
        x: column.rect.x + 1,
        y: column.rect.y + 2,
        rows: -3,
    });
    stage.settle();
    let scrolled = super::rehearsal::logs(stage.scene())[0].columns[1].clone();
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
        source: crate::model::SourceId {
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
    assert_eq!(stage.settle(), [], "nothing tells an age");
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
    assert_eq!(stage.keys("r"), [Effect::RetryCluster(context("prod"))]);
    stage.shows(&["status trying prod again", "trouble prod needs login: aws sso login"]);
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

#[test]
fn a_message_costs_no_more_with_many_pods() {
    let mut stage = Stage::live(160, 40);
    let pods: Vec<_> = (0..5_000).map(|n| pod("prod", &format!("web-{n}"))).collect();
    stage.report(Report::PodsListed {
        context: context("prod"),
        pods,
    });
    stage.settle();
    stage.shows(&["5000/5000"]);
    let Body::Objects(objects) = &stage.scene().panes[1].body else {
        panic!("no objects")
    };
    assert_eq!(objects.total, 2);
    stage.keys("2 j space G");
    stage.shows(&["(5006/5006)"]);
    let Body::Objects(objects) = &stage.focused().body else {
        panic!("no objects")
    };
    assert!(objects.rows.len() < 40, "only what is visible is composed");
}

#[test]
fn scopes_are_those_of_the_searches() {
    let mut stage = Stage::live(160, 40);
    stage.keys("2 l");
    let requests = searches(stage.keys("/ x"));
    let filter = Filter {
        scope: Scope::Workload(workload("api")),
        ..Filter::default()
    };
    assert_eq!(requests[0].filter, filter);
}

#[test]
fn marked_records_are_walked_with_the_search_keys() {
    let mut stage = Stage::live(160, 40);
    for second in [10, 20, 30] {
        stage.write("prod", second, "boom ERROR");
    }
    stage.find("prod", "boom ERROR", crate::model::RecordId(10));
    stage.publish();
    stage.settle();
    stage.keys("enter n n");
    stage.shows(&["12:00:30"]);
    stage.keys("n");
    stage.shows(&["status no later record of this pattern"]);
    let marked = super::rehearsal::logs(stage.scene())[0].columns[2]
        .rows
        .iter()
        .filter(|row| !row.hits.is_empty());
    assert_eq!(marked.count(), 3);
    assert_eq!(pattern("boom"), pattern("boom"));
}

#[test]
fn streams_that_are_refused_say_why() {
    let mut stage = Stage::live(160, 40);
    stage.forget_records();
    stage.publish();
    let source = crate::model::SourceId {
        context: context("prod"),
        n: 1,
    };
    stage.report(Report::StreamChanged {
        source,
        state: StreamState::Denied {
            cause: Arc::from("pods/log is forbidden"),
        },
    });
    stage.settle();
    stage.shows(&[
        "[prod  live · 1 denied]",
        "no access to logs: pods/log is forbidden",
        "no container to follow yet",
    ]);
    assert_eq!(Time::default(), Time(0));
}
