//! The contrast: what is listed and how, marks, examples, the detail, the lens, the bell.

use std::sync::Arc;

use crate::contrast::{Align, CellState, Lens, Verdict};
use crate::logs::Snapshot;
use crate::model::{Level, PaneId, RecordId, SourceId, Span};
use crate::workspace::bell::Bell;
use crate::workspace::msg::{Effect, Msg, Size};
use crate::workspace::panes::contrast::MOST_VALUES;
use crate::workspace::rehearsal::{self, START, Stage, context, pattern};

/// Findings of these texts, each of one record, in these clusters.
fn found(findings: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::live(160, 40);
    for (second, (cluster, text)) in (10..).zip(findings) {
        let example = stage.write(cluster, second, text);
        stage.find(cluster, text, example);
    }
    stage.publish();
    stage.settle();
    stage
}

fn three() -> Stage {
    found(&[("prod", "a ERROR"), ("dev", "b ERROR"), ("prod", "c ERROR")])
}

/// The rows of the list as they are told, without those of other panes.
fn rows(stage: &Stage) -> Vec<String> {
    let told = stage.told();
    let rows = told.lines().filter_map(|line| line.strip_prefix("  "));
    rows.filter(|line| line.starts_with(['>', ' ']) && line.contains(" | "))
        .take_while(|line| !line.contains(" deploy"))
        .map(|line| line.split(" | ").take(2).collect::<Vec<_>>().join("|"))
        .collect()
}

#[test]
fn pinned_patterns_stay_on_top_and_muted_ones_are_folded() {
    let mut stage = three();
    stage.keys("j j p");
    assert_eq!(
        rows(&stage),
        [">only prod|★ c ERROR", " only prod|a ERROR", " only dev|b ERROR"]
    );
    stage.keys("j m");
    assert_eq!(
        rows(&stage),
        [" only prod|★ c ERROR", ">only dev|b ERROR", " |1 muted (M shows)"]
    );
    stage.shows(&["(2/2)"]);
    stage.keys("M");
    assert_eq!(
        rows(&stage),
        [" only prod|★ c ERROR", ">only dev|b ERROR", " only prod|muted a ERROR"]
    );
    stage.keys("j m M k p");
    stage.shows(&["(3/3)"]);
    assert_eq!(
        rows(&stage),
        [" only prod|a ERROR", " only dev|b ERROR", ">only prod|c ERROR"]
    );
}

#[test]
fn the_line_of_the_muted_ones_opens_them() {
    let mut stage = three();
    stage.keys("m G");
    assert_eq!(rows(&stage).last().map(String::as_str), Some(">|1 muted (M shows)"));
    assert_eq!(stage.keys("d n p m x c"), []);
    stage.keys("enter");
    assert_eq!(rows(&stage).len(), 3);
    stage.shows(&["muted a ERROR"]);
}

#[test]
fn a_label_is_asked_for_with_the_old_one_and_can_be_found() {
    let mut stage = three();
    stage.keys("j =");
    stage.shows(&["label:  @0"]);
    stage.type_text("noisy");
    stage.keys("enter");
    assert_eq!(rows(&stage)[1], ">only dev|noisy · b ERROR");
    stage.keys("=");
    stage.shows(&["label: noisy @5"]);
    stage.type_text(" neighbour");
    stage.keys("esc /");
    stage.type_text("nois");
    assert_eq!(rows(&stage), [">only dev|noisy · b ERROR"]);
    stage.shows(&["[Contrast · /nois]", "/nois @4 (1 of 3)"]);
    stage.keys("enter = ctrl-u enter");
    stage.shows(&["none of 3 patterns is like this; esc lists all"]);
    stage.keys("esc");
    assert_eq!(rows(&stage).len(), 3);
}

#[test]
fn words_find_clusters_and_verdicts_and_giving_up_restores() {
    let mut stage = three();
    stage.keys("/");
    stage.type_text("only dev");
    assert_eq!(rows(&stage), [">only dev|b ERROR"]);
    stage.keys("esc");
    assert_eq!(rows(&stage).len(), 3);
    stage.keys("/");
    stage.type_text("error");
    assert_eq!(rows(&stage).len(), 3, "small letters match any case");
    stage.keys("ctrl-u");
    stage.type_text("Error");
    assert_eq!(rows(&stage).len(), 0);
    stage.say(Msg::Pasted("x".to_owned()));
    stage.settle();
    stage.shows(&["/Errorx"]);
}

#[test]
fn levels_and_verdicts_narrow_the_list_and_esc_takes_it_back() {
    let mut stage = three();
    stage.rerank(|findings| {
        findings[0].level = Level::Info;
        findings[1].verdict = Verdict::Same;
        findings[2].verdict = Verdict::Missing(vec![context("dev")]);
    });
    stage.publish();
    stage.settle();
    stage.keys("e");
    stage.shows(&["[Contrast · errors]"]);
    assert_eq!(rows(&stage).len(), 2);
    stage.keys("v");
    stage.shows(&["[Contrast · errors · what differs]"]);
    assert_eq!(rows(&stage), [">missing dev|c ERROR"]);
    stage.keys("e v v v");
    stage.shows(&["[Contrast · missing]"]);
    stage.keys("esc");
    stage.shows(&["[Contrast]"]);
    assert_eq!(rows(&stage).len(), 3);
    stage.keys("v v v v v v v");
    stage.shows(&["[Contrast]"]);
}

#[test]
fn marks_and_selection_follow_a_pattern_that_became_part_of_another() {
    let mut stage = three();
    stage.keys("G p =");
    stage.type_text("mine");
    stage.keys("enter");
    stage.merge("c", "b");
    stage.publish();
    stage.settle();
    assert_eq!(rows(&stage), [">only dev|★ mine · b ERROR", " only prod|a ERROR"]);
}

#[test]
fn a_counterpart_is_shown_below_its_finding_and_selected_with_it() {
    let mut stage = three();
    stage.rerank(|findings| findings[1].variant_of = Some(pattern("c")));
    stage.publish();
    stage.settle();
    assert_eq!(
        rows(&stage),
        [
            ">only prod|a ERROR",
            " only prod|c ERROR",
            " |└ written in dev as: b ERROR"
        ]
    );
    stage.keys("j");
    stage.shows(&[">only prod | c ERROR", "(2/2)"]);
    stage.keys("j G");
    stage.shows(&[">only prod | c ERROR"]);
    stage.keys("k j d z");
    stage.shows(&["= written in dev as:", "= b ERROR", "= c ERROR"]);
    // In dev, its example is that of the counterpart.
    stage.keys("l enter");
    assert_eq!(stage.selected_record(), "b ERROR");
    stage.keys("1 /");
    stage.type_text("b ERR");
    assert_eq!(rows(&stage).len(), 2, "a block is found by any of its texts");
}

#[test]
fn examples_are_walked_from_the_list_without_leaving_it() {
    let mut stage = Stage::live(160, 40);
    for (second, cluster) in [(10, "prod"), (20, "dev"), (30, "prod")] {
        stage.write(cluster, second, "boom ERROR");
    }
    stage.find("prod", "boom ERROR", RecordId(10));
    stage.publish();
    stage.settle();
    stage.keys("n");
    assert_eq!(stage.focused().id, PaneId(0));
    stage.shows(&["marked boom ERROR", "12:00:10"]);
    stage.keys("n");
    assert_eq!(selected_second(&stage), "12:00:20");
    stage.keys("n");
    assert_eq!(selected_second(&stage), "12:00:30");
    stage.keys("n");
    stage.shows(&["status no later record of this pattern"]);
    stage.keys("N");
    assert_eq!(selected_second(&stage), "12:00:20");
    // Only in the selected cluster.
    stage.keys("l l l");
    stage.shows(&["  cell 2"]);
    stage.keys("n n");
    assert_eq!(selected_second(&stage), "12:00:30");
    stage.keys("N");
    assert_eq!(selected_second(&stage), "12:00:10");
    stage.keys("N");
    stage.shows(&["status no earlier record of this pattern in prod"]);
    // And so it goes on in the logs.
    stage.keys("3 n");
    assert_eq!(selected_second(&stage), "12:00:30");
    stage.keys("1 h h h");
    stage.does_not_show("  cell ");
    stage.keys("l h l esc");
    stage.does_not_show("  cell ");
}

fn selected_second(stage: &Stage) -> String {
    let told = stage.told();
    let line = told
        .lines()
        .find(|line| line.starts_with("   >") && line.contains("boom"));
    let text = line.and_then(|line| line.split_whitespace().find(|word| word.contains(':')));
    let clock = text.unwrap_or_default().trim_start_matches('>').to_owned();
    clock.split('.').next().unwrap_or_default().to_owned()
}

#[test]
fn the_logs_are_narrowed_to_a_pattern_and_widened_again_from_the_list() {
    let mut stage = three();
    stage.keys("f");
    assert_eq!(stage.focused().id, PaneId(0));
    stage.shows(&["[Logs only a ERROR]"]);
    stage.does_not_show("prod says 1");
    stage.keys("j f");
    stage.shows(&["[Logs only b ERROR]"]);
    stage.keys("f");
    stage.shows(&["[Logs marked b ERROR]", "prod says 1"]);
    // With no place for the logs they get the focus.
    stage.keys("z x");
    assert_eq!(stage.focused().id, PaneId(2));
}

#[test]
fn the_detail_tells_clusters_in_words_and_values_once_they_are_read() {
    let mut stage = three();
    stage.rerank(|findings| {
        findings[0].cells[1].state = CellState::Forbidden;
        findings[0].cells[0].state = CellState::Unknown(Some(Span::from_secs(240)));
    });
    stage.publish();
    stage.settle();
    let effects = stage.keys("d");
    let [Effect::ReadValues(asked)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(
        (asked.pane, asked.pattern, asked.most),
        (PaneId(0), pattern("a"), MOST_VALUES)
    );
    stage.shows(&[
        "= error · shop/api · first 12:00:00, last 12:00:00",
        "= dev      not known: none yet in 60 container-seconds watched, about 4 min more needed",
        "= staging  not known: no access",
        "= prod     1 record, 60 container-seconds watched",
    ]);
    let told = |stage: &mut Stage, values| {
        stage.say(Msg::ValuesRead {
            pane: PaneId(0),
            pattern: pattern("a"),
            values,
        });
        stage.settle()
    };
    told(
        &mut stage,
        rehearsal::values(&[("dev", &[("200", 4)]), ("prod", &[("200", 1), ("\x1b[31m", 1)])]),
    );
    stage.keys("z");
    stage.shows(&[
        "= values in the 6 newest records; + only there",
        "= 1 number, 2 different",
        "=   dev      200 ×4",
        "=   prod     200 ×1  +␛[31m ×1",
    ]);
    // Nothing has changed, so nothing is read again; another pattern is.
    stage.publish();
    assert_eq!(stage.settle(), []);
    let effects = stage.keys("j");
    assert!(
        matches!(effects.as_slice(), [Effect::ReadValues(asked)] if asked.pattern == pattern("b")),
        "{effects:?}"
    );
    stage.does_not_show("values in");
    // One at a time; what was asked for meanwhile is read when that one has come.
    assert_eq!(stage.keys("j"), []);
    let effects = told(&mut stage, rehearsal::values(&[]));
    assert!(
        matches!(effects.as_slice(), [Effect::ReadValues(asked)] if asked.pattern == pattern("c")),
        "{effects:?}"
    );
    stage.keys("esc");
    stage.does_not_show("not known");
}

#[test]
fn values_are_read_again_when_the_counts_change_but_not_all_the_time() {
    let mut stage = three();
    stage.keys("d");
    let answer = |stage: &mut Stage| {
        stage.say(Msg::ValuesRead {
            pane: PaneId(0),
            pattern: pattern("a"),
            values: rehearsal::values(&[]),
        });
        stage.settle()
    };
    assert_eq!(answer(&mut stage), []);
    stage.rerank(|findings| findings[0].cells[2].count += 1);
    stage.publish();
    assert_eq!(stage.settle(), [Effect::WakeAt(START + Span::from_secs(1))]);
    stage.now = START + Span::from_secs(1);
    stage.say(Msg::Woke);
    let effects = stage.settle();
    assert!(matches!(effects.first(), Some(Effect::ReadValues(_))), "{effects:?}");
}

#[test]
fn the_detail_scrolls_within_its_lines() {
    let text = (0..60)
        .map(|n| format!("line {n} ERROR"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut stage = found(&[("prod", &text)]);
    stage.keys("d K");
    stage.shows(&["= only prod"]);
    stage.keys("z");
    stage.shows(&["= line 0 ERROR"]);
    stage.keys("z");
    stage.keys("J J J J J J J");
    stage.does_not_show("= only prod");
    for _ in 0..99 {
        stage.keys("J");
    }
    stage.shows(&["= line 39 ERROR", "= …"]);
    let scene = stage.scene().clone();
    stage.keys("J");
    assert_eq!(stage.scene(), &scene);
    stage.keys("K d d");
    stage.shows(&["= only prod"]);
    // The wheel over the detail scrolls it, too; over the list, the list.
    let rect = stage.focused().rect;
    stage.say(Msg::Scrolled {
        x: rect.x + 3,
        y: rect.bottom() - 2,
        rows: 3,
    });
    stage.settle();
    stage.does_not_show("= only prod");
    stage.say(Msg::Scrolled {
        x: rect.x + 3,
        y: rect.y + 2,
        rows: -3,
    });
    stage.settle();
    stage.does_not_show("= only prod");
}

#[test]
fn the_lens_is_asked_for_and_shown_once_it_is_used() {
    let mut stage = three();
    let last = |secs| Lens {
        window: Some(Span::from_secs(secs)),
        ..Lens::default()
    };
    assert_eq!(stage.keys("["), [Effect::SetLens(last(3600))]);
    stage.shows(&[
        "[Contrast]",
        "status comparing the last 1 h, each pattern by the clock that fits it",
    ]);
    assert_eq!(stage.keys("["), [Effect::SetLens(last(900))]);
    assert_eq!(stage.keys("]"), [Effect::SetLens(last(3600))]);
    assert_eq!(
        stage.keys("] ]"),
        [Effect::SetLens(Lens::default()), Effect::SetLens(last(300))]
    );
    let effects = stage.keys("a a");
    let lens = Lens {
        align: Align::SinceStart(Span::from_secs(60)),
        ..last(300)
    };
    assert_eq!(effects.last(), Some(&Effect::SetLens(lens)));
    stage.change(|snapshot: &mut Snapshot| snapshot.lens = lens);
    stage.publish();
    stage.settle();
    stage.shows(&["[Contrast · last 5 min · first 60 s after a start]"]);
}

#[test]
fn sources_with_coarse_patterns_are_named() {
    let mut stage = three();
    stage.change(|snapshot| {
        Arc::make_mut(&mut snapshot.coarse).insert(SourceId {
            context: context("prod"),
            n: 1,
        });
    });
    stage.publish();
    stage.settle();
    stage.shows(&["[Contrast · patterns of api-1 (prod) are coarse: it writes ever new text]"]);
}

#[test]
fn the_bell_rings_once_for_what_is_new() {
    let mut stage = Stage::live(160, 40);
    let find = |stage: &mut Stage, text: &str, second: i64| {
        stage.find("prod", text, RecordId(1));
        stage.rerank(|findings| {
            if let Some(finding) = findings.last_mut() {
                finding.first_seen = START + Span::from_secs(second);
            }
        });
        publish(stage)
    };
    assert_eq!(find(&mut stage, "a", 3), [], "it is off");
    stage.keys("B");
    stage.shows(&["status the bell rings for new errors that only some clusters have"]);
    assert_eq!(publish(&mut stage), [], "known already");
    assert_eq!(find(&mut stage, "b", -60), [], "it was there before");
    assert_eq!(find(&mut stage, "c", 5), [Effect::Bell]);
    assert_eq!(publish(&mut stage), []);
    stage.rerank(|findings| findings[2].verdict = Verdict::Unknown);
    publish(&mut stage);
    stage.rerank(|findings| findings[2].verdict = Verdict::Only(vec![context("prod")]));
    assert_eq!(publish(&mut stage), [], "claimed again");
    stage.keys("B");
    assert_eq!(find(&mut stage, "d", 9), []);
    stage.state.set_bell(Bell::On);
    assert_eq!(find(&mut stage, "e", 9), [Effect::Bell]);
}

/// Publishes and returns the effects of it.
fn publish(stage: &mut Stage) -> Vec<Effect> {
    let mut effects = Vec::new();
    stage.change(|snapshot| snapshot.findings = Arc::new(snapshot.findings.to_vec()));
    stage.publish_with(&mut effects);
    effects
}

#[test]
fn what_is_for_a_pattern_says_so_elsewhere() {
    let mut stage = three();
    stage.keys("2 :");
    stage.type_text("pin");
    stage.keys("enter");
    stage.shows(&["status this is for a pattern in the contrast: go there first"]);
}

#[test]
fn a_pane_without_room_for_the_detail_says_so() {
    let mut stage = three();
    stage.say(Msg::Resized(Size { cols: 40, rows: 10 }));
    stage.settle();
    stage.keys("d");
    stage.shows(&["status there is no room for the detail: zoom the pane"]);
    stage.keys("z");
    stage.shows(&["= only prod"]);
}

#[test]
fn help_lists_a_key_once_where_the_pane_binds_it_anew() {
    let mut stage = three();
    stage.keys("?");
    stage.shows(&["help /: only the patterns with these words"]);
    stage.does_not_show("help /: search the logs");
    stage.keys("? 3 ?");
    stage.shows(&["help /: search the logs"]);
}

#[test]
fn what_was_not_counted_never_looks_like_a_count() {
    let mut stage = three();
    stage.rerank(|findings| {
        findings[0].cells[0].state = CellState::NotDeployed;
        findings[0].cells[1].state = CellState::Gap;
        findings[1].cells[1].state = CellState::NotWatched;
        findings[1].cells[2].state = CellState::Unknown(None);
        findings[2].template = " \n".to_owned();
    });
    stage.publish();
    stage.settle();
    stage.shows(&["a ERROR | – gap 1", "b ERROR | 1 ? ?", "| (blank) | 0 0 1"]);
}
