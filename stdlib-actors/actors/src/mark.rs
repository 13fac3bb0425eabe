//! Values remembered by 128 bits each: enough that no two of them meet, even by intent.

use sha2::{Digest, Sha256};

/// The first half of the SHA-256 of a value's bytes.
pub(crate) fn mark(bytes: &[u8]) -> u128 {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    let mut half = [0; 16];
    half.copy_from_slice(&whole[..16]);
    u128::from_be_bytes(half)
}
