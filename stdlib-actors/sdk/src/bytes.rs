use serde::{Deserialize, Deserializer, Serializer, de::Error};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes as text: `#[serde(with = "theater_flow_sdk::bytes")]`.
pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&encode(bytes))
}

/// Reads bytes from text.
///
/// # Errors
/// If the text is not canonical padded base64.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    decode(&text).ok_or_else(|| D::Error::custom("not canonical padded base64"))
}

/// Canonical padded base64 of bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            let used = place <= group.len();
            text.push(if used {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// The bytes of canonical padded base64, `None` if the text is anything else.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let groups = text.len() / 4;
    for (nth, group) in text.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|c| **c == b'=').count();
        if padding > 2 || (padding > 0 && nth + 1 < groups) {
            return None;
        }
        let mut bits = 0;
        for c in &group[..4 - padding] {
            bits = bits << 6 | sextet(*c)?;
        }
        bits <<= 6 * padding;
        let [_, first, second, third] = u32::to_be_bytes(bits);
        let (kept, cut) = ([first, second, third], 3 - padding);
        // Bits that stand for nothing must be zero, else two texts would mean the same bytes.
        if kept[cut..].iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(&kept[..cut]);
    }
    Some(bytes)
}

fn sextet(c: u8) -> Option<u32> {
    Some(u32::from(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts() {
        // RFC 4648, section 10.
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (bytes, text) in cases {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn every_length_comes_back() {
        for len in 0..300_usize {
            let bytes: Vec<u8> = (0..len)
                .map(|at| u8::try_from(at * 197 % 256).expect("a byte"))
                .collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        for text in [
            "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9 ", "Zm-_",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
