//! Ids of runs: UUIDs of version 7.

use theater_flow_kernel::ids::RunId;

/// An id for a run that begins `ms` after 1970, told from others by 10 random bytes.
#[must_use]
pub fn new_id(ms: u64, random: [u8; 10]) -> RunId {
    let mut id = [0; 16];
    id[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    id[6..].copy_from_slice(&random);
    id[6] = 0x70 | id[6] & 0x0f;
    id[8] = 0x80 | id[8] & 0x3f;
    RunId(id)
}

/// When the run with this id began, in ms since 1970.
#[must_use]
pub fn started_ms(id: RunId) -> u64 {
    id.0[..6].iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte))
}

/// Reads an id as `Display` writes it; nothing else.
#[must_use]
pub fn parse_id(text: &str) -> Option<RunId> {
    let digits: String = text.split('-').collect();
    let mut id = [0; 16];
    if digits.len() != 32 || !digits.is_ascii() {
        return None;
    }
    for (nth, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * nth..2 * nth + 2)?, 16).ok()?;
    }
    Some(RunId(id)).filter(|id| id.to_string() == text)
}
