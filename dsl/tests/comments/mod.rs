//! The comments of a text, in alphabetical order.

pub(crate) fn comments(text: &str) -> Vec<&str> {
    let mut comments: Vec<&str> =
        text.lines().map(str::trim).filter(|line| line.starts_with('#')).collect();
    comments.sort_unstable();
    comments
}
