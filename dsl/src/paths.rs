//! Paths as text: nothing here looks at a file system.

/// `path` made absolute against the absolute folder `base`, without `.`, `..` and doubled slashes.
/// `..` at the top stays there, as the system has it.
pub(crate) fn absolute(base: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { base };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths() {
        let cases = [
            ("/a/b", "c", "/a/b/c"),
            ("/a/b", "./c", "/a/b/c"),
            ("/a/b", "../c", "/a/c"),
            ("/a/b", "..", "/a"),
            ("/a/b", "../../../c", "/c"),
            ("/a/b", "/x//y/", "/x/y"),
            ("/a/b", "", "/a/b"),
            ("/", "c", "/c"),
        ];
        for (base, path, want) in cases {
            assert_eq!(absolute(base, path), want, "{base} {path}");
        }
    }
}
