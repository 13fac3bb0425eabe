//! The ways in which programs save a file.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The file's name.
const FILE: &str = "flow.toml";
/// Between the halves of a file that is written in two.
const HALVES: Duration = Duration::from_millis(500);

/// A way to save a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// It is cut to nothing and written again.
    InPlace,
    /// Another one is written beside it and renamed onto it.
    Rename,
    /// As vim does it: the old one is renamed, a new one is written, the old one removed.
    Vim,
    /// It is removed, and then made anew.
    DeleteCreate,
    /// As Kubernetes does it: the file is a link through a link to a folder, which is made to lead to another.
    Data,
    /// Its second half comes half a second after its first.
    Halves,
    /// The file is a link to one in another folder, onto which another one is renamed.
    LinkedFile,
    /// The folder is a link, which is made to lead to another.
    LinkedFolder,
}

impl Way {
    /// All, each with what it is called.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::InPlace, "in place"),
        (Self::Rename, "temp + rename"),
        (Self::Vim, "vim's backup + rename"),
        (Self::DeleteCreate, "delete + create"),
        (Self::Data, "`..data` link swapped"),
        (Self::Halves, "two halves, 500 ms"),
        (Self::LinkedFile, "linked file"),
        (Self::LinkedFolder, "linked folder"),
    ];
}

/// A table of what became of each way, in four columns.
#[must_use]
pub fn table(cells: &[[String; 4]; 8]) -> String {
    let row = |name: &str, [a, b, c, d]: [&str; 4]| {
        format!("{name:<22} | {a:<8} | {b:<10} | {c:<6} | {d}\n")
    };
    let head = row("way", ["native b", "native x b", "poll b", "poll x b"]);
    let rows = Way::ALL.iter().zip(cells);
    let rows = rows.map(|((_, name), cells)| row(name, cells.each_ref().map(String::as_str)));
    [head].into_iter().chain(rows).collect()
}

/// A file that is saved in one of these ways.
#[derive(Debug)]
pub struct Saved {
    way: Way,
    folder: PathBuf,
    /// How often it was saved.
    times: u32,
}

impl Saved {
    /// The file with its first content, below a folder that is there.
    #[must_use]
    pub fn new(way: Way, folder: &Path, content: &str) -> Self {
        let mut saved = Self { way, folder: folder.to_owned(), times: 0 };
        match way {
            Way::Data => {
                symlink("..data/flow.toml", saved.path()).expect("a link");
                saved.lead("..data", content);
            }
            Way::LinkedFolder => saved.lead("config", content),
            Way::LinkedFile => {
                fs::create_dir(folder.join("real")).expect("a folder");
                symlink("real/flow.toml", saved.path()).expect("a link");
                write(&folder.join("real/flow.toml"), content);
            }
            _ => write(&saved.path(), content),
        }
        saved
    }

    /// The path by which the file is named.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match self.way {
            Way::LinkedFolder => self.folder.join("config").join(FILE),
            _ => self.folder.join(FILE),
        }
    }

    /// Saves it.
    pub fn save(&mut self, content: &str) {
        let path = self.path();
        match self.way {
            Way::InPlace => write(&path, content),
            Way::Rename => rename_onto(&path, content),
            Way::Vim => {
                let backup = self.folder.join("flow.toml~");
                fs::rename(&path, &backup).expect("it is there");
                write(&path, content);
                fs::remove_file(&backup).expect("it is there");
            }
            Way::DeleteCreate => {
                fs::remove_file(&path).expect("it is there");
                write(&path, content);
            }
            Way::Halves => {
                let (first, second) = content.split_at(content.len() / 2);
                write(&path, first);
                thread::sleep(HALVES);
                let mut file = OpenOptions::new().append(true).open(&path).expect("it is there");
                file.write_all(second.as_bytes()).expect("it can be written");
            }
            Way::LinkedFile => rename_onto(&self.folder.join("real/flow.toml"), content),
            Way::Data => self.lead("..data", content),
            Way::LinkedFolder => self.lead("config", content),
        }
    }

    /// Makes a link lead to a new folder with this content, and removes the old one.
    fn lead(&mut self, link: &str, content: &str) {
        let old = self.version();
        self.times += 1;
        let new = self.version();
        fs::create_dir(&new).expect("a folder");
        write(&new.join(FILE), content);
        let made = self.folder.join("..made");
        symlink(new.file_name().expect("it has a name"), &made).expect("a link");
        fs::rename(&made, self.folder.join(link)).expect("a link");
        // There is none at first.
        let _ = fs::remove_dir_all(old);
    }

    fn version(&self) -> PathBuf {
        self.folder.join(format!("..v{}", self.times))
    }
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).expect("a file can be written");
}

fn rename_onto(path: &Path, content: &str) {
    let beside = path.with_file_name("4913");
    write(&beside, content);
    fs::rename(beside, path).expect("a file can be renamed");
}
