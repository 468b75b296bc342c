//! Scenes that nobody would make, for the property tests of frames.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::{ContextId, Level, PaneId};
use crate::text::display::{self, Run, Style};
use crate::workspace::layout::{Rect, Size};
use crate::workspace::scene::{
    BarCell, Body, ContrastCell, ContrastRow, ContrastScene, DetailScene, ExecScene, HelpScene, LogColumn, LogRow,
    LogsScene, ObjectRow, ObjectsScene, Overlay, PaletteItem, PaletteScene, PaneScene, PromptScene, RowKind, Scene,
    Span, StatusLine, Tone,
};
use crate::workspace::vt::Vt;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,12}",
        "[a-z日本語é│─━ｶﾞ👩\u{301}\u{200d}\u{fe0f}]{0,30}",
        "[a-z ]{60,90}",
        any::<String>(),
    ]
    .prop_map(|raw| display::plain(&raw).into_owned())
}

fn tone() -> impl Strategy<Value = Tone> {
    prop_oneof![
        Just(Tone::Plain),
        Just(Tone::Dim),
        Just(Tone::Good),
        Just(Tone::Warn),
        Just(Tone::Bad),
        Just(Tone::Accent),
        (0..20u16).prop_map(|n| Tone::Cluster(ContextId(n))),
    ]
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::None),
        Just(Level::Info),
        Just(Level::Warn),
        Just(Level::Fatal)
    ]
}

fn span() -> impl Strategy<Value = Span> {
    (text(), tone(), any::<bool>()).prop_map(|(text, tone, bold)| Span { text, tone, bold })
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    vec(span(), 0..4)
}

fn rect() -> impl Strategy<Value = Rect> {
    (0..90u16, 0..50u16, 0..120u16, 0..60u16).prop_map(|(x, y, width, height)| Rect { x, y, width, height })
}

fn clusters() -> impl Strategy<Value = Vec<(ContextId, String)>> {
    vec(
        (0..20u16)
            .prop_map(ContextId)
            .prop_flat_map(|id| text().prop_map(move |name| (id, name))),
        0..6,
    )
}

fn selected() -> impl Strategy<Value = Option<usize>> {
    proptest::option::of(0..9usize)
}

fn empty() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.2, text())
}

fn contrast() -> impl Strategy<Value = Body> {
    let cell = (text(), text(), tone(), any::<bool>(), vec(any::<u32>(), 0..20)).prop_map(
        |(text, short, tone, stale, trend)| ContrastCell {
            context: ContextId(1),
            text,
            short,
            tone,
            stale,
            trend,
        },
    );
    let row = (spans(), level(), spans(), text(), tone(), vec(cell, 0..6), text()).prop_map(
        |(verdict, level, lead, text, tone, cells, workload)| ContrastRow {
            verdict,
            level,
            lead,
            text,
            tone,
            cells,
            workload,
        },
    );
    let list = (clusters(), vec(row, 0..9), selected(), 0..3usize, selected());
    let around = (
        0..99usize,
        0..99usize,
        detail(),
        proptest::option::of(prompt()),
        empty(),
    );
    (list, around).prop_map(
        |((clusters, rows, selected, with_selected, column), (above, total, detail, prompt, empty))| {
            Body::Contrast(ContrastScene {
                clusters,
                rows,
                selected,
                with_selected,
                column,
                above,
                total,
                detail,
                prompt,
                empty,
            })
        },
    )
}

fn detail() -> impl Strategy<Value = DetailScene> {
    (text(), vec(spans(), 0..9), 0..99usize, 0..99usize).prop_map(|(title, lines, above, total)| DetailScene {
        title,
        lines,
        above,
        total,
    })
}

fn objects() -> impl Strategy<Value = Body> {
    let mark = prop_oneof![Just("▸"), Just("▾"), Just("")];
    let row = (any::<u8>(), mark, spans(), vec(spans(), 0..6)).prop_map(|(depth, mark, name, cells)| ObjectRow {
        depth,
        mark,
        name,
        cells,
    });
    (
        clusters(),
        vec(row, 0..9),
        selected(),
        0..99usize,
        0..99usize,
        vec(spans(), 0..3),
        empty(),
    )
        .prop_map(|(clusters, rows, selected, above, total, detail, empty)| {
            Body::Objects(ObjectsScene {
                clusters,
                rows,
                selected,
                above,
                total,
                detail,
                empty,
            })
        })
}

fn log_row() -> impl Strategy<Value = LogRow> {
    let kind = prop_oneof![Just(RowKind::First), Just(RowKind::Continuation), Just(RowKind::Gap)];
    let range = (0..40usize, 0..40usize).prop_map(|(start, end)| start..end);
    let style = (any::<bool>(), proptest::option::of(any::<u8>())).prop_map(|(bold, color)| Style {
        bold,
        fg: color.map(display::Color::Indexed),
        ..Style::default()
    });
    let run = (range.clone(), style).prop_map(|(range, style)| Run { range, style });
    (
        spans(),
        text(),
        vec(run, 0..3),
        vec(range, 0..3),
        tone(),
        any::<bool>(),
        any::<bool>(),
        kind,
    )
        .prop_map(|(gutter, text, styles, hits, tone, selected, stale, kind)| LogRow {
            gutter,
            text,
            styles,
            hits,
            tone,
            selected,
            stale,
            kind,
        })
}

fn prompt() -> impl Strategy<Value = PromptScene> {
    (text(), text(), 0..99usize, text()).prop_map(|(label, input, cursor, info)| PromptScene {
        label,
        input,
        cursor,
        placeholder: "",
        info,
    })
}

fn logs() -> impl Strategy<Value = Body> {
    let column = (rect(), spans(), any::<bool>(), vec(log_row(), 0..12), empty()).prop_map(
        |(rect, header, focused, rows, empty)| LogColumn {
            context: None,
            rect,
            header,
            focused,
            rows,
            empty,
        },
    );
    (vec(column, 0..4), proptest::option::of(prompt()), any::<bool>())
        .prop_map(|(columns, prompt, wrap)| Body::Logs(LogsScene { columns, prompt, wrap }))
}

fn exec() -> impl Strategy<Value = Body> {
    let cursor = proptest::option::of((any::<u16>(), any::<u16>()));
    (0..99u16, 0..30u16, text(), cursor, any::<bool>(), empty()).prop_map(
        |(cols, rows, printed, cursor, typing, ended)| {
            let mut vt = Vt::new(cols, rows);
            drop(vt.feed(format!("\x1b[41m{printed}\r\n日本\x1b[0m").as_bytes()));
            Body::Exec(ExecScene {
                grid: vt.scene(),
                cursor,
                scrolled: 0,
                typing,
                ended,
            })
        },
    )
}

fn pane() -> impl Strategy<Value = PaneScene> {
    let body = prop_oneof![contrast(), objects(), logs(), exec()];
    (rect(), spans(), spans(), any::<bool>(), body).prop_map(|(rect, title, note, focused, body)| PaneScene {
        id: PaneId(1),
        rect,
        title,
        note,
        focused,
        body,
    })
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..9)
}

fn overlay() -> impl Strategy<Value = Overlay> {
    let item = (text(), text(), text(), any::<bool>()).prop_map(|(name, summary, keys, selected)| PaletteItem {
        name,
        summary,
        keys,
        selected,
    });
    let palette =
        (text(), 0..99usize, vec(item, 0..20), empty()).prop_map(|(input, cursor, matches, error)| PaletteScene {
            input,
            cursor,
            matches,
            error,
        });
    prop_oneof![
        (vec((text(), pairs()), 0..6), 0..99usize)
            .prop_map(|(sections, scroll)| Overlay::Help(HelpScene { sections, scroll })),
        palette.prop_map(Overlay::Palette),
        vec(text(), 0..9).prop_map(Overlay::Message),
    ]
}

fn bar_cell() -> impl Strategy<Value = BarCell> {
    let pods = proptest::option::of((any::<u32>(), any::<u32>()));
    (
        0..20u16,
        text(),
        tone(),
        text(),
        pods,
        proptest::option::of(text()),
        0..3u64,
        any::<bool>(),
    )
        .prop_map(|(context, name, tone, state, pods, rate, gaps, insecure)| BarCell {
            context: ContextId(context),
            name,
            tone,
            state,
            detail: String::new(),
            pods,
            rate,
            gaps,
            insecure,
        })
}

/// A scene of any size from 1x1 on, whose panes may lie anywhere.
pub(super) fn scene() -> impl Strategy<Value = Scene> {
    let size = (1..130u16, 1..60u16).prop_map(|(cols, rows)| Size { cols, rows });
    let status = (spans(), pairs(), spans()).prop_map(|(left, hints, standing)| StatusLine { left, hints, standing });
    let overlay = proptest::option::of(overlay());
    let bar = vec(bar_cell(), 0..5);
    let flags = (0..3u16, proptest::bool::weighted(0.05));
    (size, bar, spans(), vec(pane(), 0..4), status, overlay, flags).prop_map(
        |(size, bar, trouble, panes, status, overlay, (bar_rows, too_small))| Scene {
            size,
            bar,
            bar_rows,
            trouble,
            panes,
            status,
            overlay,
            too_small,
        },
    )
}
