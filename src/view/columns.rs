//! How the columns of a table share the room that there is.

/// Gives each column what it wants where that fits; otherwise the small ones get theirs and the others share alike.
pub fn share(wanted: &[u16], room: u16) -> Vec<u16> {
    let mut given = vec![0; wanted.len()];
    let mut open: Vec<usize> = (0..wanted.len()).collect();
    let mut left = room;
    while !open.is_empty() {
        let fair = left / u16::try_from(open.len()).unwrap_or(u16::MAX).max(1);
        let wants = |column: &usize| wanted.get(*column).copied().unwrap_or(0);
        let content: Vec<usize> = open.iter().copied().filter(|column| wants(column) <= fair).collect();
        if content.is_empty() {
            spread(&mut given, &open, left);
            break;
        }
        for column in &content {
            if let Some(width) = given.get_mut(*column) {
                *width = wants(column);
                left -= *width;
            }
        }
        open.retain(|column| !content.contains(column));
    }
    given
}

/// Equal parts for all of these, the odd cells to the first ones.
fn spread(given: &mut [u16], columns: &[usize], room: u16) {
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX).max(1);
    let mut odd = room % count;
    for column in columns {
        if let Some(width) = given.get_mut(*column) {
            *width = room / count + u16::from(odd > 0);
            odd = odd.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_columns_are_not_cut_for_large_ones() {
        assert_eq!(share(&[4, 6], 20), [4, 6]);
        assert_eq!(share(&[4, 60, 50], 24), [4, 10, 10]);
        assert_eq!(share(&[9, 9, 9], 10), [4, 3, 3]);
        assert_eq!(share(&[9], 0), [0]);
        assert!(share(&[], 5).is_empty());
    }

    proptest! {
        #[test]
        fn no_room_is_wasted_or_invented(wanted in proptest::collection::vec(0..200u16, 0..12), room in 0..400u16) {
            let given = share(&wanted, room);
            let total: u16 = given.iter().sum();
            prop_assert_eq!(total, room.min(wanted.iter().sum()));
            prop_assert!(given.iter().zip(&wanted).all(|(given, wanted)| given <= wanted));
        }
    }
}
