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

/// The absolute `path` as it would be written in the absolute folder `base`.
pub(crate) fn relative(base: &str, path: &str) -> String {
    let base: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let same = base.iter().zip(&path).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n("..", base.len() - same);
    up.chain(path.into_iter().skip(same)).collect::<Vec<&str>>().join("/")
}

/// True if the absolute `path` lies in the absolute folder `base`, or further below, as far as the text says.
pub(crate) fn is_below(base: &str, path: &str) -> bool {
    relative(base, path).split('/').next() != Some("..")
}

/// A path relative to a file's folder, as it would be given beside the file's name.
pub(crate) fn beside(file: &str, path: &str) -> String {
    match file.rfind('/') {
        Some(end) => format!("{}/{path}", &file[..end]),
        None => path.to_owned(),
    }
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

    #[test]
    fn relative_paths() {
        let cases = [
            ("/a/b", "/a/b/c.toml", "c.toml"),
            ("/a/b", "/a/b/d/c.toml", "d/c.toml"),
            ("/a/b", "/a/c.toml", "../c.toml"),
            ("/a/b", "/x/c.toml", "../../x/c.toml"),
            ("/", "/c.toml", "c.toml"),
        ];
        for (base, path, want) in cases {
            assert_eq!(relative(base, path), want, "{base} {path}");
            assert_eq!(absolute(base, want), path);
        }
        assert!(is_below("/a/b", "/a/b/c") && is_below("/", "/c") && is_below("/a/b", "/a/b/d/c"));
        assert!(!is_below("/a/b", "/a/c") && !is_below("/a/b", "/a/bc") && !is_below("/a/b", "/x"));
        assert_eq!(beside("flows/p.toml", "d/c.toml"), "flows/d/c.toml");
        assert_eq!(beside("p.toml", "../c.toml"), "../c.toml");
        assert_eq!(beside("/p.toml", "c.toml"), "/c.toml");
    }
}
