//! Shells: opening, typing, leaving, their end.

use bytes::Bytes;

use crate::model::{ExecEnd, PaneId};
use crate::workspace::msg::{Effect, Msg};
use crate::workspace::rehearsal::{Stage, context};
use crate::workspace::scene::Body;

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
    stage.shows(&["(scrolling)", "typing false", "i type"]);
    let effects = stage.keys("z");
    assert!(matches!(effects.as_slice(), [Effect::ResizeExec { .. }]), "{effects:?}");
    stage.keys("i");
    stage.say(Msg::ExecEnded {
        pane,
        end: ExecEnd::Exited(0),
    });
    stage.settle();
    stage.shows(&["exited 0", "(ended)", "hints q close"]);
    stage.does_not_show("i type");
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
