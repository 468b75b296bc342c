//! A row of counts as a row of bars.

/// Nothing, and seven heights for something: a single record is never as flat as none.
pub const NOTHING: char = '▁';
const HEIGHTS: [char; 7] = ['▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// At most `columns` bars for `counts`, oldest first; `most` is the count that fills a bar, so that bars of several
/// sparklines can be compared. Where there are more counts than columns, a bar stands for the sum of its neighbours
/// (which `most` is to allow for, see [`peak`]).
pub fn bars(counts: &[u32], columns: usize, most: u32) -> String {
    slices(counts, columns).map(|count| bar(count, most)).collect()
}

/// The largest count that [`bars`] would show.
pub fn peak(counts: &[u32], columns: usize) -> u32 {
    slices(counts, columns).max().unwrap_or(0)
}

fn slices(counts: &[u32], columns: usize) -> impl Iterator<Item = u32> {
    let columns = columns.min(counts.len());
    (0..columns).map(move |column| {
        let (from, to) = (column * counts.len() / columns, (column + 1) * counts.len() / columns);
        counts
            .iter()
            .take(to)
            .skip(from)
            .fold(0, |sum: u32, count| sum.saturating_add(*count))
    })
}

fn bar(count: u32, most: u32) -> char {
    let Some(above) = count.checked_sub(1) else {
        return NOTHING;
    };
    let top = HEIGHTS.len() - 1;
    let height = u64::from(above) * HEIGHTS.len() as u64 / u64::from(most.max(count));
    usize::try_from(height)
        .ok()
        .and_then(|height| HEIGHTS.get(height.min(top)))
        .copied()
        .unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_higher_than_nothing() {
        assert_eq!(bars(&[0, 1, 2, 3, 4, 5, 6, 7], 8, 7), "▁▂▃▄▅▆▇█");
        assert_eq!(bars(&[0, 1, 1000], 8, 1000), "▁▂█");
        assert_eq!(bars(&[1], 8, 1), "▂");
        assert_eq!(bars(&[], 8, 7), "");
    }

    #[test]
    fn neighbours_are_added_where_there_is_no_room() {
        assert_eq!(peak(&[1, 2, 3, 4, 5, 6], 3), 11);
        assert_eq!(bars(&[0, 0, 0, 0, 9, 9], 3, 18), "▁▁█");
        assert_eq!(bars(&[9, 9], 0, 9), "");
    }

    #[test]
    fn quiet_clusters_look_quiet_beside_loud_ones() {
        assert_eq!(bars(&[1, 1], 8, 700), "▂▂");
        assert_eq!(bars(&[u32::MAX, u32::MAX], 1, u32::MAX), "█");
    }
}
