//! The file that a message names: always below the folder, and one the host can write.

use theater_flow_sdk::Fault;

/// The longest path that the host takes.
const PATH_BYTES: usize = 4_096;
/// The longest name in it. File systems have 255, and the host writes a replacement beside the file
/// under a longer name: with one too long for that the agent would fail, and not only the message.
const NAME_BYTES: usize = 160;

/// The path of a file below a folder, without detours.
///
/// # Errors
/// `bad-path`: it leads elsewhere, or names no file.
pub(super) fn path(folder: &str, item: &str) -> Result<String, Fault> {
    let bad = |why: &str| {
        let shown: String = item.chars().take(256).collect();
        Err(Fault::new(
            "bad-path",
            format!("`{shown}` cannot be written: {why}"),
        ))
    };
    if item.starts_with('/') {
        return bad("it is absolute, and files stay below the folder");
    }
    if item.contains('\0') {
        return bad("it holds a NUL");
    }
    let steps: Vec<&str> = item
        .split('/')
        .filter(|step| !matches!(*step, "" | "."))
        .collect();
    if steps.contains(&"..") {
        return bad("it leads upwards, and files stay below the folder");
    }
    if steps.is_empty() || item.ends_with('/') || item.ends_with("/.") {
        return bad("it names no file");
    }
    if steps.iter().any(|step| step.len() > NAME_BYTES) {
        return bad(&format!("a name in it has more than {NAME_BYTES} bytes"));
    }
    let path = format!("{}/{}", folder.trim_end_matches('/'), steps.join("/"));
    if path.len() > PATH_BYTES {
        return bad(&format!(
            "with its folder it has more than {PATH_BYTES} bytes"
        ));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_below_the_folder() {
        for (item, expected) in [
            ("a", Some("out/a")),
            ("a/b.txt", Some("out/a/b.txt")),
            ("./a//b/./c", Some("out/a/b/c")),
            ("..a/...", Some("out/..a/...")),
            ("a b\n", Some("out/a b\n")),
            ("", None),
            (".", None),
            ("a/", None),
            ("a/.", None),
            ("/a", None),
            ("..", None),
            ("../a", None),
            ("a/../../b", None),
            ("a/..", None),
            ("a\0", None),
        ] {
            for folder in ["out", "out/"] {
                let path = path(folder, item);
                assert_eq!(path.as_deref().ok(), expected, "{item:?}");
                assert!(path.is_ok() || path.is_err_and(|fault| fault.code == "bad-path"));
            }
        }
        assert_eq!(path("/", "a").as_deref(), Ok("/a"));
        assert!(path("out", &"n".repeat(160)).is_ok());
        assert!(path("out", &"n".repeat(161)).is_err());
        assert!(path("out", &"n/".repeat(2_045)).is_err(), "a folder");
        assert!(path("out", &("n/".repeat(2_045) + "n")).is_ok());
        assert!(path("out", &("n/".repeat(2_046) + "n")).is_err());
    }
}
