//! Finding the end of a string, a word at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const BACKSLASHES: u64 = ONES * b'\\' as u64;

/// Bytes that are looked at together, where none is special.
const BLOCK: usize = 32;

/// How many bytes come before the first quote, backslash or control character; all if there is none.
pub(super) fn plain(bytes: &[u8]) -> usize {
    // Most strings end in the first words, and there a block is no gain.
    let start = bytes.len().min(BLOCK);
    let (head, tail) = bytes.split_at(start);
    let found = in_words(head);
    if found < start {
        return found;
    }
    let (blocks, _) = tail.as_chunks::<BLOCK>();
    let plain = blocks.iter().take_while(|block| !has_special(block)).count() * BLOCK;
    start + plain + in_words(&tail[plain..])
}

/// Whether there is a special byte. Every byte is looked at, so that it takes a few wide instructions.
fn has_special(block: &[u8; BLOCK]) -> bool {
    let special =
        |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    block.iter().fold(0, |found, byte| found | special(*byte)) != 0
}

fn in_words(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return place * 8 + (special.trailing_zeros() / 8) as usize;
        }
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    words.len() * 8 + rest.iter().position(special).unwrap_or(rest.len())
}

/// The high bit of the lowest special byte is set, and no bit below it. Higher bytes may be marked in
/// error, since a subtraction borrows from them; nobody looks at those.
fn specials(word: u64) -> u64 {
    // Flipping bit 1 puts the quote (0x22) at 0x20, next to the control characters, and the space away.
    let low = (word ^ (ONES * 2)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ BACKSLASHES).wrapping_sub(ONES);
    (low | backslash) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::plain;

    /// Two blocks, a word and three bytes.
    const LENGTH: usize = 75;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for place in 0..LENGTH {
            for byte in 0..=255_u8 {
                for filler in [b'!', b'#', b'[', b']', 0x7f, 0xff] {
                    let mut bytes = [filler; LENGTH];
                    bytes[place] = byte;
                    let special = byte == b'"' || byte == b'\\' || byte < 0x20;
                    let wanted = if special { place } else { LENGTH };
                    assert_eq!(plain(&bytes), wanted, "{byte} at {place} in {filler}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_counts() {
        for first in 0..16 {
            for second in first..16 {
                for (a, b) in [(b'"', 0), (0, b'"'), (b'\\', b'"'), (0x1f, 0x20)] {
                    let mut bytes = [b' '; 16];
                    bytes[second] = b;
                    bytes[first] = a;
                    assert_eq!(plain(&bytes), first);
                }
            }
        }
    }
}
