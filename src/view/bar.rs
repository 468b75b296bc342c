//! The first line: every cluster with its state, in as much detail as there is room for.

use super::canvas::{Canvas, after, line, span_cells};
use crate::workspace::layout::Rect;
use crate::workspace::scene::{BarCell, Span, Tone};

/// Columns between two clusters.
const GAP: u16 = 3;

/// How much is said of each cluster, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Detail {
    Name,
    /// States of clusters that are not well.
    Alarms,
    /// And who can be listened to by others.
    Unsafe,
    /// And what else is to be known of them.
    Troubles,
    States,
    Pods,
    Rates,
}

const DETAILS: [Detail; 7] = [
    Detail::Rates,
    Detail::Pods,
    Detail::States,
    Detail::Troubles,
    Detail::Unsafe,
    Detail::Alarms,
    Detail::Name,
];

/// Paints the clusters; those that there is no room for at all are counted.
pub fn paint(canvas: &mut Canvas<'_>, place: Rect, clusters: &[BarCell]) {
    let place = after(line(place, 0), 1);
    let written = DETAILS.map(|detail| {
        clusters
            .iter()
            .map(|cluster| spans(cluster, detail))
            .collect::<Vec<_>>()
    });
    let fits = |cells: &&Vec<Vec<Span>>| columns(cells) <= place.width;
    let (Some(cells), true) = (written.iter().find(fits).or(written.last()), place.width > 0) else {
        return;
    };
    let shown = shown(cells, place.width);
    let mut used = 0;
    for cell in cells.iter().take(shown) {
        used += canvas.spans(after(place, used), cell) + GAP;
    }
    if shown < cells.len() {
        let hidden = Span::dim(format!("+{}", cells.len() - shown));
        canvas.spans(after(place, used), &[hidden]);
    }
}

/// The second line: what is wrong.
pub fn trouble(canvas: &mut Canvas<'_>, place: Rect, spans: &[Span]) {
    canvas.spans(after(line(place, 0), 1), spans);
}

fn columns(cells: &[Vec<Span>]) -> u16 {
    cells
        .iter()
        .map(|cell| span_cells(cell).saturating_add(GAP))
        .fold(0, u16::saturating_add)
        .saturating_sub(GAP)
}

/// How many clusters to show so that there is room to count the others; the first one always, cut if need be.
fn shown(cells: &[Vec<Span>], room: u16) -> usize {
    if columns(cells) <= room {
        return cells.len();
    }
    let count = 3;
    (1..cells.len())
        .rev()
        .find(|n| columns(cells.get(..*n).unwrap_or_default()).saturating_add(GAP + count) <= room)
        .unwrap_or(1)
}

fn spans(cluster: &BarCell, detail: Detail) -> Vec<Span> {
    let well = cluster.tone == Tone::Good;
    let mut spans = vec![
        Span::new(mark(cluster.tone), cluster.tone),
        Span::new(format!(" {}", cluster.name), Tone::Cluster(cluster.context)).bold(),
    ];
    if cluster.insecure && detail >= Detail::Unsafe {
        spans.push(Span::new(" TLS OFF", Tone::Bad).bold());
    }
    if detail >= Detail::States || detail >= Detail::Alarms && !well {
        spans.push(Span::new(format!(" {}", cluster.state), cluster.tone));
    }
    if let (Some((ready, all)), true) = (cluster.pods, detail >= Detail::Pods) {
        let tone = if ready < all { Tone::Warn } else { Tone::Plain };
        spans.push(Span::new(format!(" {ready}/{all}"), tone));
    }
    if let (Some(rate), true) = (&cluster.rate, detail >= Detail::Rates) {
        spans.push(Span::dim(format!(" {rate}")));
    }
    if detail >= Detail::Troubles {
        spans.extend(warnings(cluster));
    }
    spans
}

fn warnings(cluster: &BarCell) -> Vec<Span> {
    let mut spans = Vec::new();
    match cluster.gaps {
        0 => {}
        1 => spans.push(Span::new(" 1 gap", Tone::Warn)),
        gaps => spans.push(Span::new(format!(" {gaps} gaps"), Tone::Warn)),
    }
    spans
}

/// A shape for each tone, so that states are told apart at a glance without colour too.
const fn mark(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "●",
        Tone::Warn => "▲",
        Tone::Bad => "✗",
        Tone::Plain | Tone::Dim | Tone::Accent | Tone::Cluster(_) => "○",
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::view::palette::Palette;
    use crate::view::sample;

    fn check(columns: u16, expected: &str) {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, columns, 1));
        paint(
            &mut Canvas::new(&mut buffer, Palette::default()),
            Rect::new(0, 0, columns, 1),
            &sample::bar(),
        );
        assert_eq!(sample::shown(&buffer.content).trim_end(), expected, "{columns}");
    }

    #[test]
    fn detail_goes_before_clusters_do() {
        check(
            100,
            " ● dev live 12/12 23/s   ▲ staging stale 12s 12/12 23/s 2 gaps   ● prod TLS OFF live 9/12 23/s",
        );
        check(
            85,
            " ● dev live 12/12   ▲ staging stale 12s 12/12 2 gaps   ● prod TLS OFF live 9/12",
        );
        check(70, " ● dev live   ▲ staging stale 12s 2 gaps   ● prod TLS OFF live");
        check(55, " ● dev   ▲ staging stale 12s 2 gaps   ● prod TLS OFF");
        check(48, " ● dev   ▲ staging stale 12s   ● prod TLS OFF");
        check(40, " ● dev   ▲ staging stale 12s   ● prod");
        check(36, " ● dev   ▲ staging   ● prod");
        check(27, " ● dev   ▲ staging   ● prod");
        check(26, " ● dev   ▲ staging   +1");
        check(12, " ● dev   +2");
        check(5, " ● d…");
        check(1, "");
    }
}
