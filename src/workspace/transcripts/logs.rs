//! The logs: columns, following, search, patterns.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::logs::{Direction, Filter, Scope, search};
use crate::model::{PaneId, RecordId, Report, SourceId, StreamState};
use crate::workspace::msg::{Effect, Msg, SearchRequest};
use crate::workspace::rehearsal;
use crate::workspace::rehearsal::{Stage, context, workload};

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
    stage.shows(&["f follow", "x only this pattern"]);
    stage.keys("G");
    stage.shows(&["(following)", "f pause"]);
    stage.does_not_show("x only this pattern");
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
    stage.shows(&[
        "only ModuleNotFoundError: <*>",
        "no record of this pattern here",
        "x all records",
    ]);
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
fn a_search_goes_with_every_key_and_late_answers_are_dropped() {
    let mut stage = Stage::live(160, 40);
    let first = searches(stage.keys("3 / s a"));
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
    let effects = stage.keys("3 / s a y s space 0");
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
    assert_eq!(searches(stage.keys("3 / a (")).len(), 1);
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
fn cut_lines_leave_out_what_the_gutter_tells() {
    let mut stage = Stage::live(160, 40);
    let written = r#"{"ts":"2026-08-01T12:00:09Z","level":"info","msg":"sold","sku":"rug"}"#;
    stage.write("dev", 9, written);
    stage.publish();
    stage.settle();
    stage.keys("3 k j");
    assert_eq!(stage.selected_record(), "sold sku=rug");
    stage.keys("t");
    assert_eq!(stage.selected_record(), written, "no gutter tells the time");
    stage.keys("t");
    assert_eq!(stage.selected_record(), "sold sku=rug");
    let effects = stage.keys("c");
    assert_eq!(effects, [Effect::Copy(written.to_owned())]);
    stage.keys("w");
    stage.shows(&[r#"{"ts":"2026-08-01T12:00:09Z""#]);
    stage.does_not_show("sold sku=rug");
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
    stage.find("prod", "boom ERROR", RecordId(10));
    stage.publish();
    stage.settle();
    stage.keys("enter n n");
    stage.shows(&["12:00:30"]);
    stage.keys("n");
    stage.shows(&["status no later record of this pattern"]);
    let marked = rehearsal::logs(stage.scene())[0].columns[2]
        .rows
        .iter()
        .filter(|row| !row.hits.is_empty());
    assert_eq!(marked.count(), 3);
}

#[test]
fn streams_that_are_refused_say_why() {
    let mut stage = Stage::live(160, 40);
    stage.forget_records();
    stage.publish();
    let source = SourceId {
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
        "[prod  live · 0 of 1 followed · 1 denied]",
        "no access to logs: pods/log is forbidden",
        "no container to follow yet",
    ]);
}
