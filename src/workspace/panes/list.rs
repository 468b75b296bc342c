//! The selection of a list whose rows come, go and change places: it follows its item, and the item stays at its place
//! on the screen.

use std::ops::Range;

/// Which row is selected, by key, and on which line of the screen it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCursor<K> {
    selected: Option<K>,
    /// Where the selected row was when the list was last settled.
    index: usize,
    /// Lines between the top of the view and the selected row.
    line: usize,
    /// Lines of the view.
    height: usize,
    total: usize,
    /// Whether a person has chosen the row; until then the first one is selected, whichever it is.
    chosen: bool,
}

impl<K> Default for ListCursor<K> {
    fn default() -> Self {
        Self {
            selected: None,
            index: 0,
            line: 0,
            height: 0,
            total: 0,
            chosen: false,
        }
    }
}

impl<K: Clone + PartialEq> ListCursor<K> {
    /// The selected row's key, as it was last shown.
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref().filter(|_| self.total > 0)
    }

    /// The selected row's index, as it was last shown.
    pub fn index(&self) -> Option<usize> {
        (self.total > 0).then_some(self.index)
    }

    /// How many rows there were.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Finds the selected row in the rows as they are now, and a view of `height` lines around it.
    pub fn settle(&mut self, rows: &[K], height: usize) {
        (self.height, self.total) = (height, rows.len());
        if rows.is_empty() {
            return;
        }
        let found = match &self.selected {
            // Mostly it is where it was.
            Some(key) if self.chosen && rows.get(self.index) == Some(key) => Some(self.index),
            Some(key) if self.chosen => rows.iter().position(|row| row == key),
            Some(_) | None => None,
        };
        self.index = match found {
            Some(index) => index,
            // Its neighbour has come to its place.
            None if self.chosen => self.index.min(rows.len() - 1),
            None => 0,
        };
        self.selected = rows.get(self.index).cloned();
        self.line = self.line.min(self.index).min(height.saturating_sub(1));
        let first = (self.index - self.line).min(rows.len().saturating_sub(height));
        self.line = (self.index - first).min(height.saturating_sub(1));
    }

    /// The rows in view, as last settled.
    pub fn window(&self) -> Range<usize> {
        let first = self.index - self.line.min(self.index);
        first.min(self.total)..first.saturating_add(self.height).min(self.total)
    }

    /// Moves the selection; the view follows only where it must.
    pub fn step(&mut self, rows: &[K], by: isize) {
        let from = self.index;
        self.choose(rows, from.saturating_add_signed(by));
        let line = isize::try_from(self.line).unwrap_or(0);
        let moved = isize::try_from(self.index).unwrap_or(0) - isize::try_from(from).unwrap_or(0);
        self.line = usize::try_from(line + moved).unwrap_or(0);
        self.settle(rows, self.height);
    }

    /// Moves selection and view together by half a page (`halves` 1) or a whole one (2), up where it is negative.
    pub fn page(&mut self, rows: &[K], halves: isize) {
        let half = isize::try_from(self.height / 2).unwrap_or(0).max(1);
        self.choose(rows, self.index.saturating_add_signed(half.saturating_mul(halves)));
        self.settle(rows, self.height);
    }

    pub fn to_top(&mut self, rows: &[K]) {
        self.choose(rows, 0);
        self.settle(rows, self.height);
    }

    pub fn to_bottom(&mut self, rows: &[K]) {
        self.choose(rows, usize::MAX);
        self.line = self.height.saturating_sub(1);
        self.settle(rows, self.height);
    }

    /// Moves the view under the selection, which stays in it.
    pub fn scroll(&mut self, rows: &[K], by: isize) {
        let last = rows.len().saturating_sub(self.height);
        let first = self.window().start.saturating_add_signed(by).min(last);
        let bottom = first + self.height.saturating_sub(1);
        self.choose(rows, self.index.clamp(first, bottom.max(first)));
        self.line = self.index.saturating_sub(first);
        self.settle(rows, self.height);
    }

    /// Selects the row on this line of the view; false if there is none.
    pub fn click(&mut self, rows: &[K], line: usize) -> bool {
        let index = self.window().start + line;
        if line >= self.height || index >= rows.len() {
            return false;
        }
        self.choose(rows, index);
        self.line = line;
        self.settle(rows, self.height);
        true
    }

    /// Selects a row by its key, which may be about to appear.
    pub fn select(&mut self, key: K) {
        self.selected = Some(key);
        self.chosen = true;
    }

    /// The selected row is known by another key from now on.
    pub fn rename(&mut self, key: K) {
        self.selected = Some(key);
    }

    fn choose(&mut self, rows: &[K], index: usize) {
        if let Some(last) = rows.len().checked_sub(1) {
            self.index = index.min(last);
            self.selected = rows.get(self.index).cloned();
            self.chosen = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settled(rows: &[u8], height: usize) -> ListCursor<u8> {
        let mut list = ListCursor::default();
        list.settle(rows, height);
        list
    }

    #[test]
    fn until_a_row_is_chosen_the_first_is_selected() {
        let mut list = settled(&[5, 6, 7], 2);
        assert_eq!(list.selected(), Some(&5));
        list.settle(&[9, 5, 6], 2);
        assert_eq!(list.selected(), Some(&9));
    }

    #[test]
    fn rows_change_places_around_the_selected_one() {
        let rows: Vec<u8> = (0..20).collect();
        let mut list = settled(&rows, 5);
        list.step(&rows, 3);
        assert_eq!((list.selected(), list.window()), (Some(&3), 0..5));
        let mut reranked = rows.clone();
        reranked.rotate_right(7);
        list.settle(&reranked, 5);
        assert_eq!((list.selected(), list.index()), (Some(&3), Some(10)));
        assert_eq!(list.window(), 7..12, "it is still on the fourth line");
        list.settle(&[1, 2, 4, 5], 5);
        assert_eq!(list.selected(), Some(&5), "the list is shorter: the nearest");
    }

    #[test]
    fn the_view_moves_only_where_it_must() {
        let rows: Vec<u8> = (0..20).collect();
        let mut list = settled(&rows, 5);
        list.step(&rows, 4);
        assert_eq!(list.window(), 0..5);
        list.step(&rows, 1);
        assert_eq!(list.window(), 1..6);
        list.step(&rows, -1);
        assert_eq!(list.window(), 1..6);
        list.page(&rows, 2);
        assert_eq!((list.index(), list.window()), (Some(8), 5..10));
        list.to_bottom(&rows);
        assert_eq!((list.index(), list.window()), (Some(19), 15..20));
        list.scroll(&rows, -3);
        assert_eq!((list.index(), list.window()), (Some(16), 12..17));
        assert!(list.click(&rows, 0) && !list.click(&rows, 5));
        assert_eq!((list.index(), list.window()), (Some(12), 12..17));
        list.to_top(&rows);
        assert_eq!((list.index(), list.window()), (Some(0), 0..5));
    }

    proptest! {
        #[test]
        fn the_selected_row_is_always_in_view(
            steps in proptest::collection::vec((0u8..9, 0usize..30, 0usize..12, -20isize..20), 0..30)
        ) {
            let mut list = ListCursor::default();
            for (what, count, height, by) in steps {
                let rows: Vec<usize> = (0..count).collect();
                match what {
                    0 => list.settle(&rows, height),
                    1 => list.step(&rows, by),
                    2 => list.page(&rows, by),
                    3 => list.to_top(&rows),
                    4 => list.to_bottom(&rows),
                    5 => list.scroll(&rows, by),
                    6 => drop(list.click(&rows, height)),
                    _ => list.select(count),
                }
                list.settle(&rows, height);
                let window = list.window();
                prop_assert!(window.end <= count && window.len() == height.min(count), "{list:?}");
                if count > 0 && height > 0 {
                    prop_assert!(list.index().is_some_and(|index| window.contains(&index)), "{list:?}");
                    prop_assert_eq!(list.selected().copied(), list.index());
                }
            }
        }
    }
}
