//! Texts looked at many bytes at a time, for what most of them do not have.

/// Bytes that are looked at together.
const LANES: usize = 16;

/// Whether three neighbours anywhere are at distance zero of what is looked for. `distance` should have no branches: with
/// nothing to decide for each byte the compiler makes of this a few instructions for sixteen bytes.
#[inline]
pub fn any_three(text: &[u8], distance: impl Fn(u8, u8, u8) -> u8) -> bool {
    let whole = text.len().saturating_sub(2) / LANES * LANES;
    if least(text, whole, &distance) == 0 {
        return true;
    }
    // What is left, in front of zeros: none of it is looked at byte by byte.
    let (_, rest) = text.split_at(whole);
    let mut padded = [0; 2 * LANES + 2];
    padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    least(&padded, rest.len().div_ceil(LANES) * LANES, &distance) == 0
}

/// The least distance of the first `count` places.
#[inline]
fn least(text: &[u8], count: usize, distance: &impl Fn(u8, u8, u8) -> u8) -> u8 {
    let (Some(one), Some(two), Some(three)) = (text.get(..count), text.get(1..=count), text.get(2..count + 2)) else {
        return u8::MAX;
    };
    let all = one.iter().zip(two).zip(three);
    all.fold(u8::MAX, |least, ((one, two), three)| {
        least.min(distance(*one, *two, *three))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn three_are_found_wherever_they_are(text in "[abc]{0,70}") {
            let found = any_three(text.as_bytes(), |a, b, c| (a ^ b'a') | (b ^ b'b') | (c ^ b'c'));
            prop_assert_eq!(found, text.contains("abc"));
        }
    }
}
