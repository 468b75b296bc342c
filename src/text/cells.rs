//! How many columns safe text takes, where to cut it and where to wrap it. Counts as the terminal library does:
//! by extended grapheme cluster, each as wide as `unicode-width` says, and one column more for a half-width voice mark.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns that safe text takes on the screen.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// Columns of one grapheme cluster.
pub(super) fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.len() == 1 {
        return 1;
    }
    let voice_marks = grapheme
        .chars()
        .filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}'))
        .count();
    grapheme.width() + voice_marks
}

/// The text itself where it fits into `columns`, otherwise as much of it as fits with a `…` behind it.
pub fn truncate(text: &str, columns: usize) -> Cow<'_, str> {
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut cut = String::with_capacity(columns + "…".len());
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme_width(grapheme);
        if used > room {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push('…');
    Cow::Owned(cut)
}

/// Byte ranges of `text`, one per screen row of `columns` columns (at least 1). They cover the text without a hole and
/// there is at least one. A row ends after a blank where one is near (in the last third), else anywhere, but
/// never inside a grapheme: one that is wider than `columns` gets a row to itself.
pub fn wrap(text: &str, columns: usize) -> Vec<Range<usize>> {
    let columns = columns.max(1);
    let mut rows = Rows::new(columns);
    if text.len() <= columns {
        return rows.finish(text.len());
    }
    for (at, grapheme) in text.grapheme_indices(true) {
        rows.place(at, grapheme);
    }
    rows.finish(text.len())
}

/// The rows of a text that is being wrapped.
struct Rows {
    columns: usize,
    done: Vec<Range<usize>>,
    /// Where the row that is being filled begins, and its columns so far.
    start: usize,
    used: usize,
    /// Behind the last blank of the row: the byte and the columns used up to it.
    blank: Option<(usize, usize)>,
}

impl Rows {
    fn new(columns: usize) -> Self {
        Self {
            columns,
            done: Vec::new(),
            start: 0,
            used: 0,
            blank: None,
        }
    }

    fn place(&mut self, at: usize, grapheme: &str) {
        let wide = grapheme_width(grapheme);
        if self.used + wide > self.columns && at > self.start {
            self.end_row(at);
            // What was carried over may itself leave no room for this grapheme.
            if self.used + wide > self.columns && at > self.start {
                self.end_row(at);
            }
        }
        self.used += wide;
        if grapheme == " " {
            self.blank = Some((at + grapheme.len(), self.used));
        }
    }

    fn end_row(&mut self, at: usize) {
        let near = self.columns - self.columns / 3;
        let (end, used) = match self.blank.take() {
            Some((end, used)) if used >= near => (end, used),
            Some(_) | None => (at, self.used),
        };
        self.done.push(self.start..end);
        self.start = end;
        self.used -= used;
    }

    fn finish(mut self, end: usize) -> Vec<Range<usize>> {
        self.done.push(self.start..end);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn rows(text: &str, columns: usize) -> Vec<&str> {
        wrap(text, columns)
            .into_iter()
            .filter_map(|range| text.get(range))
            .collect()
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(width("👍🏽"), 2);
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        assert_eq!(truncate("checkout", 8), "checkout");
        assert_eq!(truncate("checkout", 5), "chec…");
        assert_eq!(truncate("日本語", 4), "日…");
        assert_eq!(truncate("checkout", 1), "…");
        assert_eq!(truncate("checkout", 0), "");
        assert_eq!(truncate("日本", 4), "日本");
    }

    #[test]
    fn wraps_behind_a_near_blank_else_anywhere() {
        assert_eq!(rows("", 4), [""]);
        assert_eq!(rows("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(rows("to the lighthouse", 10), ["to the ", "lighthouse"]);
        assert_eq!(rows("a bcdefghijklmnop", 9), ["a bcdefgh", "ijklmnop"]);
        assert_eq!(rows("日本語", 3), ["日", "本", "語"]);
        assert_eq!(rows("日本", 1), ["日", "本"]);
    }

    fn drawn(text: &str) -> usize {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 400, 1));
        usize::from(buffer.set_stringn(0, 0, text, 400, Style::default()).0)
    }

    #[test]
    fn counts_as_it_is_drawn() {
        for text in ["abc", "日本", "e\u{301}", "ﾊﾞ", "👍🏽", "⚠\u{fe0f}", "🇩🇪", "क्षि"] {
            assert_eq!(width(text), drawn(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_as_wide_as_it_is_drawn(text in "\\PC{0,40}") {
            prop_assert_eq!(width(&text), drawn(&text));
        }

        #[test]
        fn rows_cover_the_text_and_keep_to_the_columns(text in "\\PC{0,80}", columns in 1usize..20) {
            let rows = wrap(&text, columns);
            prop_assert_eq!(rows.first().unwrap().start, 0);
            prop_assert_eq!(rows.last().unwrap().end, text.len());
            for pair in rows.windows(2) {
                prop_assert_eq!(pair[0].end, pair[1].start);
            }
            for row in rows {
                let row = text.get(row).unwrap();
                prop_assert!(width(row) <= columns || row.graphemes(true).count() == 1, "{:?}", row);
            }
        }

        #[test]
        fn truncated_text_fits(text in "\\PC{0,40}", columns in 0usize..30) {
            prop_assert!(width(&truncate(&text, columns)) <= columns);
        }
    }
}
