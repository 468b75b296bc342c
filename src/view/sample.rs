//! A hand-made night for the tests of frames: three clusters, of which prod is broken.

use ratatui::buffer::Cell;

use crate::model::{ContextId, Level, PaneId};
use crate::text::display;
use crate::workspace::layout::{Layout, Rect, Size, Split};
use crate::workspace::scene::{
    BarCell, Body, ContrastCell, ContrastRow, ContrastScene, DetailScene, ExecScene, HelpScene, LogColumn, LogRow,
    LogsScene, ObjectRow, ObjectsScene, Overlay, PaletteItem, PaletteScene, PaneScene, PromptScene, RowKind, Scene,
    Span, StatusLine, Tone,
};
use crate::workspace::vt::Vt;

/// The text of a row of cells as a terminal shows it: a wide character hides the cell behind it.
pub(super) fn shown(cells: &[Cell]) -> String {
    let mut text = String::new();
    let mut hidden = 0;
    for cell in cells {
        if hidden == 0 {
            text.push_str(cell.symbol());
            hidden = display::width(cell.symbol());
        }
        hidden -= hidden.min(1);
    }
    text
}

const DEV: ContextId = ContextId(0);
const STAGING: ContextId = ContextId(1);
const PROD: ContextId = ContextId(2);

fn clusters() -> Vec<(ContextId, String)> {
    [(DEV, "dev"), (STAGING, "staging"), (PROD, "prod")]
        .map(|(id, name)| (id, name.to_owned()))
        .to_vec()
}

/// The default workspace at a size: contrast beside objects, logs below; stacked where it is narrow.
pub(super) fn night(cols: u16, rows: u16) -> Scene {
    let size = Size { cols, rows };
    if cols < 40 || rows < 10 {
        return Scene {
            size,
            too_small: true,
            ..Scene::default()
        };
    }
    let bar_rows = if rows >= 24 { 2 } else { 1 };
    let area = Rect::new(0, bar_rows, cols, rows - bar_rows - 1);
    let mut layout = Layout::new(PaneId(1));
    layout.split(PaneId(1), Split::Below, PaneId(3), 55);
    let split = if cols >= 100 { Split::Beside } else { Split::Below };
    layout.split(PaneId(1), split, PaneId(2), 40);
    let panes = layout
        .solve(area)
        .into_iter()
        .map(|(id, rect)| pane(id, rect))
        .collect();
    Scene {
        size,
        bar: bar(),
        bar_rows,
        trouble: trouble(),
        panes,
        status: status(),
        overlay: None,
        too_small: false,
    }
}

fn pane(id: PaneId, rect: Rect) -> PaneScene {
    let body = PaneScene::body_rect(rect);
    let (title, note, body) = match id.0 {
        1 => (
            "contrast",
            vec![Span::plain("12 patterns")],
            Body::Contrast(contrast(body)),
        ),
        2 => (
            "objects",
            vec![Span::dim("namespace "), Span::plain("shop")],
            Body::Objects(objects(body.height)),
        ),
        _ => (
            "logs",
            vec![Span::new("paused", Tone::Warn), Span::dim(", 214 new")],
            Body::Logs(logs(body)),
        ),
    };
    PaneScene {
        id,
        rect,
        title: vec![Span::plain(title)],
        note,
        focused: id.0 == 1,
        body,
    }
}

pub(super) fn bar() -> Vec<BarCell> {
    let cell = |context, name: &str, tone, state: &str| BarCell {
        context,
        name: name.to_owned(),
        tone,
        state: state.to_owned(),
        detail: String::new(),
        pods: Some((12, 12)),
        rate: Some("23/s".to_owned()),
        gaps: 0,
        insecure: false,
    };
    vec![
        cell(DEV, "dev", Tone::Good, "live"),
        BarCell {
            gaps: 2,
            ..cell(STAGING, "staging", Tone::Warn, "stale 12s")
        },
        BarCell {
            pods: Some((9, 12)),
            insecure: true,
            ..cell(PROD, "prod", Tone::Good, "live")
        },
    ]
}

fn trouble() -> Vec<Span> {
    vec![
        Span::new("staging", Tone::Cluster(STAGING)).bold(),
        Span::new(" stale for 12s: ", Tone::Warn),
        Span::plain("connection reset by peer"),
        Span::dim(", trying again in 4s; r tries now"),
    ]
}

fn status() -> StatusLine {
    let hints = [
        ("enter", "open"),
        ("s", "shell"),
        ("/", "search"),
        ("x", "only pattern"),
        ("?", "help"),
        (":", "commands"),
    ];
    StatusLine {
        left: Vec::new(),
        hints: hints.map(|(key, what)| (key.to_owned(), what.to_owned())).to_vec(),
        standing: Vec::new(),
    }
}

fn trend(seed: u32, most: u32) -> Vec<u32> {
    (0..12)
        .map(|n| {
            if most == 0 {
                0
            } else {
                (seed * (n + 3) * 7 + n * n) % (most + 1)
            }
        })
        .collect()
}

fn cell(context: ContextId, count: u32) -> ContrastCell {
    let tone = if count == 0 { Tone::Dim } else { Tone::Plain };
    ContrastCell {
        context,
        text: count.to_string(),
        short: count.to_string(),
        tone,
        stale: false,
        trend: trend(count, count / 6 + u32::from(count > 0)),
    }
}

fn verdict(word: &str, place: Option<(ContextId, &str)>) -> Vec<Span> {
    match place {
        Some((context, name)) => vec![
            Span::new(format!("{word} "), Tone::Bad),
            Span::new(name, Tone::Cluster(context)).bold(),
        ],
        None => vec![Span::dim(word)],
    }
}

fn finding(verdict: Vec<Span>, level: Level, text: &str, counts: [u32; 3]) -> ContrastRow {
    let cells = [DEV, STAGING, PROD]
        .into_iter()
        .zip(counts)
        .map(|(context, count)| cell(context, count))
        .collect();
    ContrastRow {
        verdict,
        level,
        lead: Vec::new(),
        text: text.to_owned(),
        tone: Tone::Plain,
        cells,
        workload: "deployment/api".to_owned(),
    }
}

fn findings() -> Vec<ContrastRow> {
    let prod = Some((PROD, "prod"));
    let mut unknown = finding(
        verdict("unknown", None),
        Level::Warn,
        "readiness probe failed: HTTP probe failed with statuscode: <*>",
        [0, 0, 4],
    );
    for (cell, (text, short)) in unknown
        .cells
        .iter_mut()
        .zip([("?", "?"), ("no access", "deny"), ("4", "4")])
    {
        (cell.text, cell.short) = (text.to_owned(), short.to_owned());
        if cell.text != "4" {
            cell.trend.clear();
        }
    }
    let pinned = ContrastRow {
        lead: vec![
            Span::new("★ ", Tone::Accent),
            Span::new("the cause?", Tone::Accent).bold(),
            Span::dim(" · "),
        ],
        ..finding(
            verdict("only", prod),
            Level::Error,
            "ModuleNotFoundError: No module named 'requests'",
            [0, 0, 42],
        )
    };
    let variant = ContrastRow {
        lead: vec![Span::dim("└ written in dev as: ")],
        ..finding(
            Vec::new(),
            Level::None,
            "got the list of projects from the server: <*>",
            [9, 0, 0],
        )
    };
    vec![
        pinned,
        finding(
            verdict("only", prod),
            Level::Error,
            "failed to retrieve the complete list of projects from the server: <*>",
            [0, 0, 7],
        ),
        variant,
        finding(
            verdict("more", prod),
            Level::Warn,
            "retrying upstream <*> in <*> ms",
            [3, 2, 418],
        ),
        finding(
            verdict("less", prod),
            Level::Info,
            "GET /api/projects 200 <*> ms",
            [2210, 2305, 120],
        ),
        finding(
            verdict("missing", Some((STAGING, "staging"))),
            Level::Info,
            "metrics pushed to <*>",
            [60, 0, 58],
        ),
        unknown,
        finding(
            verdict("same", None),
            Level::Info,
            "worker booted with pid <*>",
            [4, 4, 4],
        ),
        ContrastRow {
            tone: Tone::Dim,
            ..finding(
                verdict("same", None),
                Level::Debug,
                "cache hit ratio <*>",
                [180, 176, 181],
            )
        },
        finding(verdict("same", None), Level::None, "開始しました <*>", [12, 12, 12]),
    ]
}

fn contrast(body: Rect) -> ContrastScene {
    let reason =
        "42 times in prod in 4 pods; none in dev and staging, watched for 3m 20s each where 11 were to be expected";
    let rows = display::wrap(reason, usize::from(body.width.saturating_sub(2)));
    let mut lines: Vec<Vec<Span>> = rows
        .into_iter()
        .map(|row| vec![Span::plain(reason.get(row).unwrap_or_default().trim_end())])
        .collect();
    lines.push(vec![
        Span::new("error", Tone::Bad),
        Span::dim(" · shop/api · first 12:00:01, last 12:03:09"),
    ]);
    lines.push(vec![Span::plain("  ModuleNotFoundError: No module named 'requests'")]);
    lines.resize(if body.height >= 9 { 4 } else { 0 }, Vec::new());
    let room = usize::from(body.height).saturating_sub(1 + lines.len() + usize::from(!lines.is_empty()));
    ContrastScene {
        clusters: clusters(),
        rows: findings().into_iter().take(room).collect(),
        selected: Some(0),
        with_selected: 0,
        column: None,
        above: 0,
        total: 12,
        detail: DetailScene {
            title: "evidence".to_owned(),
            total: lines.len(),
            lines,
            above: 0,
        },
        prompt: None,
        empty: None,
    }
}

fn workload(name: &str, cells: [&[(&str, Tone)]; 3]) -> ObjectRow {
    let spans = |cell: &[(&str, Tone)]| cell.iter().map(|(text, tone)| Span::new(*text, *tone)).collect();
    ObjectRow {
        depth: 1,
        mark: "▸",
        name: vec![Span::plain(name)],
        cells: cells.map(spans).to_vec(),
    }
}

fn objects(height: u16) -> ObjectsScene {
    let well: &[(&str, Tone)] = &[("3/3", Tone::Plain), (" v1.2 2h", Tone::Dim)];
    let broken: &[(&str, Tone)] = &[
        ("0/3", Tone::Bad),
        (" ↻4", Tone::Warn),
        (" v1.2 2h", Tone::Dim),
        (" CrashLoopBackOff", Tone::Bad),
    ];
    let absent: &[(&str, Tone)] = &[("–", Tone::Dim)];
    let unknown: &[(&str, Tone)] = &[("?", Tone::Dim)];
    let mut rows = vec![
        ObjectRow {
            depth: 0,
            mark: "▾",
            name: vec![Span::new("shop", Tone::Accent)],
            cells: Vec::new(),
        },
        ObjectRow {
            mark: "▾",
            ..workload("deployment/api", [well, well, broken])
        },
        ObjectRow {
            depth: 2,
            ..workload(
                "api-7d9c5b6f4-x2k8p",
                [&[], &[], &[("0/1", Tone::Bad), (" ↻4", Tone::Warn)]],
            )
        },
        ObjectRow {
            depth: 3,
            mark: "",
            ..workload("api", [&[], &[], &[("exit 1", Tone::Bad)]])
        },
        workload("deployment/web", [well, well, well]),
        workload("statefulset/db", [well, unknown, well]),
        workload("cronjob/report-of-the-night", [absent, well, well]),
    ];
    let detail = vec![vec![
        Span::new("exit 1", Tone::Bad),
        Span::plain(" 12s ago, restarted 4 times"),
    ]];
    let detail = if height >= 8 { detail } else { Vec::new() };
    rows.truncate(usize::from(height).saturating_sub(1 + 2 * detail.len()));
    ObjectsScene {
        clusters: clusters(),
        rows,
        selected: Some(1),
        above: 0,
        total: 7,
        detail,
        empty: None,
    }
}

fn row(second: u8, pod: &str, text: &str, tone: Tone) -> LogRow {
    let shown = display::line(text.as_bytes());
    let time = Span::dim(format!("12:03:{second:02}.{:03} ", u32::from(second) * 37 % 1000));
    let gutter = vec![time, Span::dim(format!("{pod} "))];
    LogRow {
        gutter,
        text: shown.text,
        styles: shown.runs,
        hits: Vec::new(),
        tone,
        selected: false,
        stale: false,
        kind: RowKind::First,
    }
}

fn continuation(text: &str, tone: Tone) -> LogRow {
    let gutter = vec![Span::plain(" ".repeat(13 + 6))];
    LogRow {
        gutter,
        kind: RowKind::Continuation,
        ..row(0, "", text, tone)
    }
}

fn well_logs() -> Vec<LogRow> {
    let mut rows = Vec::new();
    for second in 1..60 {
        let line = match second % 4 {
            0 => "GET /api/projects 200 \u{1b}[32m12 ms\u{1b}[0m",
            1 => "worker booted with pid 71",
            2 => "開始しました 12 workers",
            _ => "cache hit ratio 0.93",
        };
        let tone = if second % 4 == 3 { Tone::Dim } else { Tone::Plain };
        rows.push(row(second, "x2k8p", line, tone));
    }
    rows
}

fn broken_logs() -> Vec<LogRow> {
    let gap = LogRow {
        kind: RowKind::Gap,
        gutter: Vec::new(),
        ..row(0, "", "gap 12:03:01–12:03:09: rotated", Tone::Warn)
    };
    let mut rows = vec![
        row(1, "qq4zn", "retrying upstream payments:8080 in 250 ms", Tone::Warn),
        gap,
        row(9, "qq4zn", "Traceback (most recent call last):", Tone::Bad),
        continuation("  File \"/app/api.py\", line 3, in <module>", Tone::Bad),
        continuation("    import requests", Tone::Bad),
        continuation("ModuleNotFoundError: No module named 'requests'", Tone::Bad),
    ];
    for row in rows.iter_mut().skip(2) {
        row.selected = true;
        let found: Vec<_> = row
            .text
            .match_indices("requests")
            .map(|(at, hit)| at..at + hit.len())
            .collect();
        row.hits = found;
    }
    rows.extend(well_logs().into_iter().skip(9));
    rows
}

fn logs(body: Rect) -> LogsScene {
    let prompt = PromptScene {
        label: "/".to_owned(),
        input: "requests".to_owned(),
        cursor: 8,
        placeholder: "regex",
        info: "dev 0 · staging 0 · prod 12".to_owned(),
    };
    let places = Rect {
        height: body.height.saturating_sub(1),
        ..body
    }
    .columns(if body.width < 60 { 1 } else { 3 });
    let columns = places
        .into_iter()
        .zip(clusters().into_iter().rev())
        .collect::<Vec<_>>()
        .into_iter();
    let columns = columns.map(|(place, (context, name))| {
        let rect = Rect {
            y: place.y + place.height.min(1),
            height: place.height.saturating_sub(1),
            ..place
        };
        let rows = if context == PROD { broken_logs() } else { well_logs() };
        let state = if context == STAGING {
            Span::new("  stale 12s", Tone::Warn)
        } else {
            Span::dim("  live")
        };
        LogColumn {
            context: Some(context),
            rect,
            header: vec![Span::new(name, Tone::Cluster(context)).bold(), state],
            focused: context == PROD,
            rows: rows.into_iter().take(rect.height.into()).collect(),
            empty: (context == DEV)
                .then(|| "no access to logs: pods is forbidden: User \"me\" cannot list pods/log".to_owned()),
        }
    });
    LogsScene {
        columns: columns.collect(),
        prompt: Some(prompt),
        wrap: false,
    }
}

/// The first pane becomes a shell.
pub(super) fn with_shell(mut scene: Scene, printed: &str) -> Scene {
    if let Some(pane) = scene.panes.first_mut() {
        let body = PaneScene::body_rect(pane.rect);
        let mut vt = Vt::new(body.width, body.height);
        drop(vt.feed(printed.as_bytes()));
        let grid = vt.scene();
        let cursor = grid.cursor;
        pane.title = vec![
            Span::plain("shell "),
            Span::new("prod", Tone::Cluster(PROD)),
            Span::dim(" api-7d9c5b6f4-x2k8p"),
        ];
        pane.body = Body::Exec(ExecScene {
            grid,
            cursor,
            scrolled: 0,
            typing: true,
            ended: None,
        });
    }
    scene
}

pub(super) fn help() -> Overlay {
    let sections: [(&str, &[(&str, &str)]); 4] = [
        (
            "contrast",
            &[
                ("enter", "open what is selected: a pattern's records"),
                ("x", "only this pattern's records"),
                ("c", "copy"),
            ],
        ),
        (
            "move",
            &[
                ("j down", "one line down"),
                ("k up", "one line up"),
                ("ctrl-d", "half a page down"),
                ("g", "to the top"),
            ],
        ),
        (
            "panes",
            &[
                ("tab", "next pane"),
                ("ctrl-w v", "split right"),
                ("ctrl-w s", "split below"),
                ("z", "zoom"),
            ],
        ),
        (
            "program",
            &[
                ("?", "help"),
                (":", "find a command by name"),
                ("q", "close this pane, or quit"),
            ],
        ),
    ];
    let owned = |(key, what): &(&str, &str)| ((*key).to_owned(), (*what).to_owned());
    let sections = sections.map(|(name, bindings)| (name.to_owned(), bindings.iter().map(owned).collect()));
    Overlay::Help(HelpScene {
        sections: sections.to_vec(),
        scroll: 0,
    })
}

pub(super) fn palette() -> Overlay {
    let item = |(name, summary, keys): (&str, &str, &str)| PaletteItem {
        name: name.to_owned(),
        summary: summary.to_owned(),
        keys: keys.to_owned(),
        selected: name == "split-right",
    };
    let matches = [
        ("split-below", "open a pane below this one", "ctrl-w s"),
        ("split-right", "open a pane to the right of this one", "ctrl-w v"),
        ("shell", "open a shell in the selected container", "s"),
    ];
    Overlay::Palette(PaletteScene {
        input: "spl".to_owned(),
        cursor: 3,
        matches: matches.map(item).to_vec(),
        error: None,
    })
}
