//! Where the panes are: a tree of splits, one focus, and rectangles that tile the screen exactly.

use crate::model::PaneId;

/// Columns and rows below which a pane is not worth showing beside others.
const LEAST: (u16, u16) = (20, 4);

/// The bounds of a split's share, percent.
const SHARES: (i16, i16) = (10, 90);

/// The size of the screen in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

/// A rectangle of cells; `x` and `y` count from the top left of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Rect {
    pub const fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self { x, y, width, height }
    }

    /// The first column to the right of it.
    pub const fn right(self) -> u16 {
        self.x.saturating_add(self.width)
    }

    /// The first row below it.
    pub const fn bottom(self) -> u16 {
        self.y.saturating_add(self.height)
    }

    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    pub const fn contains(self, x: u16, y: u16) -> bool {
        x >= self.x && x < self.right() && y >= self.y && y < self.bottom()
    }

    /// The cells that both have; empty if there are none.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        Self {
            x,
            y,
            width: right.saturating_sub(x),
            height: bottom.saturating_sub(y),
        }
    }

    /// `count` columns side by side, as equal as they can be, with a gutter of one column between them.
    /// Fewer if they would be empty.
    pub fn columns(self, count: u16) -> Vec<Self> {
        let count = count.min(self.width.saturating_add(1) / 2);
        let text = self.width.saturating_sub(count.saturating_sub(1));
        let edge = |column: u16| {
            let cells = u32::from(text) * u32::from(column) / u32::from(count.max(1));
            u16::try_from(cells).unwrap_or(text)
        };
        (0..count)
            .map(|column| Self {
                x: self.x + edge(column) + column,
                width: edge(column + 1) - edge(column),
                ..self
            })
            .collect()
    }

    /// The two parts of a split; together they are the whole.
    fn parts(self, split: Split, second: u16) -> (Self, Self) {
        match split {
            Split::Beside => {
                let first = self.width - second.min(self.width);
                let right = Self {
                    x: self.x + first,
                    width: self.width - first,
                    ..self
                };
                (Self { width: first, ..self }, right)
            }
            Split::Below => {
                let first = self.height - second.min(self.height);
                let lower = Self {
                    y: self.y + first,
                    height: self.height - first,
                    ..self
                };
                (Self { height: first, ..self }, lower)
            }
        }
    }
}

/// Towards a side of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Left,
    Right,
    Up,
    Down,
}

/// Where a new pane goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// To the right.
    Beside,
    Below,
}

/// A tree of panes; never empty. The focus is always one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    root: Node,
    focus: PaneId,
    zoomed: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Pane(PaneId),
    Split(Box<Branch>),
}

#[derive(Clone, Debug, PartialEq)]
struct Branch {
    split: Split,
    /// Percent of the second part.
    share: u16,
    first: Node,
    second: Node,
}

impl Layout {
    pub fn new(first: PaneId) -> Self {
        Self {
            root: Node::Pane(first),
            focus: first,
            zoomed: false,
        }
    }

    /// Divides the place of `at` (of the focused pane if that is not here); `share` is the percentage for the new pane.
    /// The focus stays, a zoom ends. A pane that is here already is not added again.
    pub fn split(&mut self, at: PaneId, split: Split, new: PaneId, share: u16) {
        if self.root.holds(new) {
            return;
        }
        let at = if self.root.holds(at) { at } else { self.focus };
        let share = clamped_share(i16::try_from(share).unwrap_or(i16::MAX));
        self.root.split(at, split, new, share);
        self.zoomed = false;
    }

    /// Takes a pane away and gives its place to its neighbour, also the focus if it had that. False if it is the last.
    pub fn close(&mut self, pane: PaneId) -> bool {
        let Some(heir) = self.root.remove(pane) else {
            return false;
        };
        if self.focus == pane {
            self.focus = heir;
            self.zoomed = false;
        }
        true
    }

    /// Keeps one pane and tells which ones were closed; none if it is not here.
    pub fn only(&mut self, pane: PaneId) -> Vec<PaneId> {
        if !self.root.holds(pane) {
            return Vec::new();
        }
        let mut closed = self.panes();
        closed.retain(|other| *other != pane);
        *self = Self::new(pane);
        closed
    }

    pub fn focus(&self) -> PaneId {
        self.focus
    }

    /// Ignores a pane that is not here.
    pub fn set_focus(&mut self, pane: PaneId) {
        if self.root.holds(pane) {
            self.focus = pane;
        }
    }

    pub fn focus_next(&mut self) {
        self.focus_by(1);
    }

    pub fn focus_previous(&mut self) {
        let count = self.panes().len();
        self.focus_by(count - 1);
    }

    fn focus_by(&mut self, steps: usize) {
        let panes = self.panes();
        let at = panes.iter().position(|pane| *pane == self.focus).unwrap_or(0);
        if let Some(pane) = panes.get((at + steps) % panes.len()) {
            self.focus = *pane;
        }
    }

    /// Moves the focus to the pane that the middle of the focused one touches on that side, as `area` shows them;
    /// panes that there is no room for count where they would be.
    pub fn focus_towards(&mut self, direction: Direction, area: Rect) {
        let roomy = Rect::new(0, 0, u16::MAX, u16::MAX);
        let found = [area, roomy].into_iter().find_map(|area| {
            let mut shown = Vec::new();
            self.root.place(area, self.focus, &mut shown);
            neighbour(&shown, self.focus, direction)
        });
        if let Some(pane) = found {
            self.focus = pane;
        }
    }

    /// Whether the focused pane has the whole area.
    pub fn zoomed(&self) -> bool {
        self.zoomed
    }

    pub fn toggle_zoom(&mut self) {
        self.zoomed = !self.zoomed;
    }

    /// Gives the focused pane `percent` points more (or less) of the split that it is in.
    pub fn grow(&mut self, percent: i16) {
        self.root.grow(self.focus, percent);
    }

    /// All panes, also hidden ones, first to last.
    pub fn panes(&self) -> Vec<PaneId> {
        let mut panes = Vec::new();
        self.root.collect(&mut panes);
        panes
    }

    /// The rectangles of the panes that are shown, which tile `area` exactly. Where two panes do not fit (each wants
    /// 20 columns and 4 rows), the one that has the focus or lies nearer to it has the place alone.
    pub fn solve(&self, area: Rect) -> Vec<(PaneId, Rect)> {
        if self.zoomed {
            return vec![(self.focus, area)];
        }
        let mut shown = Vec::new();
        self.root.place(area, self.focus, &mut shown);
        shown
    }

    /// The pane that is shown at a cell.
    pub fn at(&self, area: Rect, x: u16, y: u16) -> Option<PaneId> {
        self.solve(area)
            .into_iter()
            .find(|(_, rect)| rect.contains(x, y))
            .map(|(pane, _)| pane)
    }
}

impl Node {
    fn holds(&self, pane: PaneId) -> bool {
        match self {
            Self::Pane(own) => *own == pane,
            Self::Split(branch) => branch.first.holds(pane) || branch.second.holds(pane),
        }
    }

    fn collect(&self, panes: &mut Vec<PaneId>) {
        match self {
            Self::Pane(pane) => panes.push(*pane),
            Self::Split(branch) => {
                branch.first.collect(panes);
                branch.second.collect(panes);
            }
        }
    }

    fn first_pane(&self) -> PaneId {
        match self {
            Self::Pane(pane) => *pane,
            Self::Split(branch) => branch.first.first_pane(),
        }
    }

    fn last_pane(&self) -> PaneId {
        match self {
            Self::Pane(pane) => *pane,
            Self::Split(branch) => branch.second.last_pane(),
        }
    }

    fn split(&mut self, at: PaneId, split: Split, new: PaneId, share: u16) {
        match self {
            Self::Pane(pane) if *pane == at => {
                let (first, second) = (Self::Pane(at), Self::Pane(new));
                *self = Self::Split(Box::new(Branch {
                    split,
                    share,
                    first,
                    second,
                }));
            }
            Self::Pane(_) => {}
            Self::Split(branch) => {
                branch.first.split(at, split, new, share);
                branch.second.split(at, split, new, share);
            }
        }
    }

    /// Removes a pane below this node and tells who lies next to the place that it had.
    fn remove(&mut self, pane: PaneId) -> Option<PaneId> {
        let Self::Split(branch) = self else { return None };
        let is_pane = |node: &Self| matches!(node, Self::Pane(own) if *own == pane);
        let (rest, heir) = if is_pane(&branch.first) {
            (branch.second.clone(), branch.second.first_pane())
        } else if is_pane(&branch.second) {
            (branch.first.clone(), branch.first.last_pane())
        } else {
            return branch.first.remove(pane).or_else(|| branch.second.remove(pane));
        };
        *self = rest;
        Some(heir)
    }

    /// True once the innermost split around the pane has been changed.
    fn grow(&mut self, pane: PaneId, percent: i16) -> bool {
        let Self::Split(branch) = self else { return false };
        if branch.first.grow(pane, percent) || branch.second.grow(pane, percent) {
            return true;
        }
        let signed = if branch.second.holds(pane) {
            percent
        } else {
            percent.saturating_neg()
        };
        if !branch.first.holds(pane) && !branch.second.holds(pane) {
            return false;
        }
        let share = i16::try_from(branch.share).unwrap_or(SHARES.1);
        branch.share = clamped_share(share.saturating_add(signed));
        true
    }

    fn place(&self, area: Rect, focus: PaneId, shown: &mut Vec<(PaneId, Rect)>) {
        let branch = match self {
            Self::Pane(pane) => return shown.push((*pane, area)),
            Self::Split(branch) => branch,
        };
        let (whole, least) = match branch.split {
            Split::Beside => (area.width, LEAST.0),
            Split::Below => (area.height, LEAST.1),
        };
        if whole < 2 * least {
            let alone = if branch.second.holds(focus) {
                &branch.second
            } else {
                &branch.first
            };
            return alone.place(area, focus, shown);
        }
        let wanted = u32::from(whole) * u32::from(branch.share) / 100;
        let second = u16::try_from(wanted).unwrap_or(whole).clamp(least, whole - least);
        let (first_area, second_area) = area.parts(branch.split, second);
        branch.first.place(first_area, focus, shown);
        branch.second.place(second_area, focus, shown);
    }
}

fn clamped_share(percent: i16) -> u16 {
    percent.clamp(SHARES.0, SHARES.1).unsigned_abs()
}

fn neighbour(shown: &[(PaneId, Rect)], of: PaneId, direction: Direction) -> Option<PaneId> {
    let (_, from) = shown.iter().find(|(pane, _)| *pane == of)?;
    let middle = (from.x + from.width / 2, from.y + from.height / 2);
    let (x, y) = match direction {
        Direction::Left => (from.x.checked_sub(1)?, middle.1),
        Direction::Right => (from.right(), middle.1),
        Direction::Up => (middle.0, from.y.checked_sub(1)?),
        Direction::Down => (middle.0, from.bottom()),
    };
    shown
        .iter()
        .find(|(_, rect)| rect.contains(x, y))
        .map(|(pane, _)| *pane)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCREEN: Rect = Rect::new(0, 1, 120, 38);

    fn pane(n: u32) -> PaneId {
        PaneId(n)
    }

    /// Contrast beside objects, logs below: the default workspace.
    fn three() -> Layout {
        let mut layout = Layout::new(pane(1));
        layout.split(pane(1), Split::Below, pane(3), 55);
        layout.split(pane(1), Split::Beside, pane(2), 40);
        layout
    }

    #[test]
    fn shares_are_of_the_new_pane() {
        let expected = vec![
            (pane(1), Rect::new(0, 1, 72, 18)),
            (pane(2), Rect::new(72, 1, 48, 18)),
            (pane(3), Rect::new(0, 19, 120, 20)),
        ];
        assert_eq!(three().solve(SCREEN), expected);
    }

    #[test]
    fn a_small_screen_shows_the_focus() {
        let mut layout = three();
        layout.set_focus(pane(2));
        let narrow = Rect::new(0, 0, 39, 20);
        let shown: Vec<_> = layout.solve(narrow).into_iter().map(|(pane, _)| pane).collect();
        assert_eq!(shown, [pane(2), pane(3)]);
        let tiny = Rect::new(0, 0, 30, 7);
        assert_eq!(layout.solve(tiny), [(pane(2), tiny)]);
    }

    #[test]
    fn the_focus_moves_by_geometry() {
        let mut layout = three();
        for (direction, expected) in [
            (Direction::Right, 2),
            (Direction::Right, 2),
            (Direction::Down, 3),
            (Direction::Up, 1),
            (Direction::Left, 1),
            (Direction::Down, 3),
        ] {
            layout.focus_towards(direction, SCREEN);
            assert_eq!(layout.focus(), pane(expected), "{direction:?}");
        }
    }

    #[test]
    fn hidden_panes_are_reached_where_they_would_be() {
        let mut layout = three();
        layout.focus_towards(Direction::Right, Rect::new(0, 0, 30, 6));
        assert_eq!(layout.focus(), pane(2));
    }

    #[test]
    fn closing_gives_the_place_and_the_focus_to_the_neighbour() {
        let mut layout = three();
        layout.set_focus(pane(2));
        assert!(layout.close(pane(2)));
        assert_eq!((layout.focus(), layout.panes()), (pane(1), vec![pane(1), pane(3)]));
        assert!(layout.close(pane(3)));
        assert!(!layout.close(pane(1)));
        assert!(!layout.close(pane(9)));
        assert_eq!(layout, Layout::new(pane(1)));
    }

    #[test]
    fn growing_is_bounded_and_of_the_innermost_split() {
        let mut layout = three();
        layout.grow(10);
        assert_eq!(layout.solve(SCREEN)[0].1.width, 84);
        for _ in 0..50 {
            layout.grow(-10);
        }
        assert_eq!(layout.solve(SCREEN)[0].1.width, LEAST.0);
    }

    #[test]
    fn columns_leave_a_gutter() {
        let columns = Rect::new(5, 0, 20, 3).columns(3);
        let places: Vec<_> = columns.iter().map(|column| (column.x, column.width)).collect();
        assert_eq!(places, [(5, 6), (12, 6), (19, 6)]);
        assert_eq!(Rect::new(0, 0, 3, 1).columns(9).len(), 2);
        assert!(Rect::default().columns(3).is_empty());
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Split(u32, Split, u16),
        Close(u32),
        Only(u32),
        Focus(u32),
        Next,
        Previous,
        Towards(Direction),
        Grow(i16),
        Zoom,
    }

    fn step() -> impl Strategy<Value = Step> {
        let split = prop_oneof![Just(Split::Beside), Just(Split::Below)];
        let direction = prop_oneof![
            Just(Direction::Left),
            Just(Direction::Right),
            Just(Direction::Up),
            Just(Direction::Down)
        ];
        prop_oneof![
            6 => (0..12u32, split, 0..120u16).prop_map(|(at, split, share)| Step::Split(at, split, share)),
            2 => (0..12u32).prop_map(Step::Close),
            1 => (0..12u32).prop_map(Step::Only),
            2 => (0..12u32).prop_map(Step::Focus),
            1 => Just(Step::Next),
            1 => Just(Step::Previous),
            2 => direction.prop_map(Step::Towards),
            1 => any::<i16>().prop_map(Step::Grow),
            1 => Just(Step::Zoom),
        ]
    }

    fn take(layout: &mut Layout, next: &mut u32, step: Step, area: Rect) {
        match step {
            Step::Split(at, split, share) => {
                layout.split(pane(at), split, pane(*next), share);
                *next += 1;
            }
            Step::Close(at) => {
                let held = layout.panes().contains(&pane(at)) && layout.panes().len() > 1;
                assert_eq!(layout.close(pane(at)), held);
            }
            Step::Only(at) => drop(layout.only(pane(at))),
            Step::Focus(at) => layout.set_focus(pane(at)),
            Step::Next => {
                let before = layout.focus();
                layout.focus_next();
                layout.focus_previous();
                assert_eq!(layout.focus(), before);
                layout.focus_next();
            }
            Step::Previous => layout.focus_previous(),
            Step::Towards(direction) => moves_to_a_neighbour(layout, direction, area),
            Step::Grow(percent) => layout.grow(percent),
            Step::Zoom => layout.toggle_zoom(),
        }
    }

    fn moves_to_a_neighbour(layout: &mut Layout, direction: Direction, area: Rect) {
        let mut flat = layout.clone();
        flat.zoomed = false;
        let shown = flat.solve(area);
        let before = layout.focus();
        layout.focus_towards(direction, area);
        let place = |pane| shown.iter().find(|(shown, _)| *shown == pane).map(|(_, rect)| *rect);
        if let (Some(from), Some(to), true) = (place(before), place(layout.focus()), before != layout.focus()) {
            let touches = match direction {
                Direction::Left => to.right() == from.x,
                Direction::Right => to.x == from.right(),
                Direction::Up => to.bottom() == from.y,
                Direction::Down => to.y == from.bottom(),
            };
            assert!(touches, "{direction:?}: {from:?} -> {to:?}");
        }
    }

    proptest! {
        #[test]
        fn panes_tile_the_area_and_the_focus_is_shown(
            steps in proptest::collection::vec(step(), 0..24),
            x in 0..9u16, y in 0..9u16, width in 1..250u16, height in 1..90u16,
        ) {
            let area = Rect::new(x, y, width, height);
            let (mut layout, mut next) = (Layout::new(pane(0)), 1);
            for step in steps {
                take(&mut layout, &mut next, step, area);
                let panes = layout.panes();
                prop_assert!(panes.contains(&layout.focus()));
                let shown = layout.solve(area);
                prop_assert!(shown.iter().any(|(pane, _)| *pane == layout.focus()));
                let cells: u32 = shown.iter().map(|(_, rect)| u32::from(rect.width) * u32::from(rect.height)).sum();
                prop_assert_eq!(cells, u32::from(width) * u32::from(height));
                for (n, (pane, rect)) in shown.iter().enumerate() {
                    prop_assert!(panes.contains(pane));
                    prop_assert_eq!(rect.intersection(area), *rect);
                    prop_assert!(!rect.is_empty());
                    prop_assert!(shown[..n].iter().all(|(_, other)| other.intersection(*rect).is_empty()));
                    prop_assert_eq!(layout.at(area, rect.x, rect.y), Some(*pane));
                }
            }
        }

        #[test]
        fn columns_stay_inside(x in 0..9u16, width in 0..250u16, count in 0..12u16) {
            let area = Rect::new(x, 0, width, 3);
            let columns = area.columns(count);
            for pair in columns.windows(2) {
                prop_assert_eq!(pair[0].right() + 1, pair[1].x);
            }
            if let (Some(first), Some(last)) = (columns.first(), columns.last()) {
                prop_assert_eq!((first.x, last.right()), (area.x, area.right()));
            }
        }
    }
}
