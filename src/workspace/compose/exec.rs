//! A program's screen with what is to be said around it.

use crate::model::ExecEnd;
use crate::workspace::clusters::Clusters;
use crate::workspace::panes::ExecPane;
use crate::workspace::panes::exec::Stage;
use crate::workspace::scene::{ExecScene, Span, Tone};

use super::words;

pub fn compose(pane: &ExecPane) -> ExecScene {
    let grid = pane.vt.scene();
    ExecScene {
        cursor: grid.cursor.filter(|_| pane.is_typing()),
        scrolled: grid.scrolled,
        typing: pane.is_typing(),
        ended: match &pane.stage {
            Stage::Opening | Stage::Open => None,
            Stage::Ended(end) => Some(in_words(end)),
        },
        grid,
    }
}

fn in_words(end: &ExecEnd) -> String {
    match end {
        ExecEnd::Exited(status) => format!("exited {status}"),
        ExecEnd::Refused { cause } => format!("no shell: {}", words::safe(cause)),
        ExecEnd::Lost { cause } => format!("session lost: {}", words::safe(cause)),
    }
}

/// `prod  shop/api-7d9/app`
pub fn title(pane: &ExecPane, clusters: &Clusters) -> Vec<Span> {
    let target = &pane.target;
    let name = format!("{}/{}/{}", target.pod.namespace, target.pod.name, target.container);
    let mut title = vec![Span::plain("Shell ").bold()];
    title.extend(words::cluster_spans(clusters, target.pod.context));
    title.push(Span::plain(format!(" {}", words::safe(&name))));
    if let Some(own) = pane.vt.title().filter(|own| !own.is_empty()) {
        title.push(Span::dim(format!(" · {own}")));
    }
    title
}

pub fn note(pane: &ExecPane) -> Vec<Span> {
    let note = match pane.stage {
        Stage::Opening => Span::dim("opening …"),
        Stage::Open if pane.is_typing() => Span::new("typing", Tone::Accent),
        Stage::Open => Span::new("scrolling", Tone::Warn),
        Stage::Ended(_) => Span::new("ended", Tone::Warn),
    };
    vec![note]
}
