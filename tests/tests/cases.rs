//! Transcripts: every folder below `cases/` holds commands and what they say.
//!
//! `cmd` has one command a line, the program's name left out. `cat FILE` and `ls FOLDER` show what is
//! there; `{root}` stands for the workspace, and the folder `actors` holds the prebuilt components.
//! All other files are what the commands find. `expected.txt` is the transcript, without what differs
//! from run to run; `UPDATE=1` writes it anew.
#![expect(clippy::print_stdout, reason = "what was counted or skipped is to be seen")]

mod redact;

use std::fs;
use std::path::{Path, PathBuf};

use theater_flow_tests::{LIMIT, Scene, finish, root};

/// Not part of what a case's commands find.
const OWN: [&str; 2] = ["cmd", "expected.txt"];

#[test]
fn transcripts_are_as_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let cases = folders(&root().join("tests/cases"));
    assert!(!cases.is_empty(), "there are no cases");
    let wrong: Vec<String> = cases.iter().filter_map(|case| difference(case, update)).collect();
    println!("cases {}/{}", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders of the cases. A file among them would be a case that is never run.
fn folders(cases: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cases).expect("there is a folder of cases");
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("it is read").path()).collect();
    folders.sort();
    let stray: Vec<&PathBuf> = folders.iter().filter(|path| !path.is_dir()).collect();
    assert!(stray.is_empty(), "a case is a folder: {stray:?}");
    folders
}

/// What is wrong with a case.
fn difference(case: &Path, update: bool) -> Option<String> {
    let name = case.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Ok(commands) = fs::read_to_string(case.join("cmd")) else {
        return Some(format!("{name}: there is no `cmd`"));
    };
    let seen = transcript(case, &commands);
    let file = case.join("expected.txt");
    if update {
        fs::write(&file, seen).expect("a file can be written");
        return None;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (seen != expected).then(|| format!("{name}:\n{}", differing(&expected, &seen)))
}

/// All lines, the first differing one marked.
fn differing(expected: &str, seen: &str) -> String {
    let at = expected.lines().zip(seen.lines()).take_while(|(a, b)| a == b).count();
    let show = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    format!("  line {}\n  expected: {}\n  seen:     {}\n{seen}", at + 1, show(expected), show(seen))
}

fn transcript(case: &Path, commands: &str) -> String {
    let scene = Scene::new();
    copy(case, scene.path());
    let prebuilt = root().join("stdlib-actors/prebuilt");
    std::os::unix::fs::symlink(prebuilt, scene.path().join("actors")).expect("a link can be made");
    let lines = commands.lines().filter(|line| !line.is_empty());
    let said: Vec<String> = lines.map(|line| format!("$ {line}\n{}", said(&scene, line))).collect();
    let whole = fs::canonicalize(scene.path()).expect("the scene is there");
    redact::redact(&said.join("\n"), &[(&whole, "<folder>"), (root(), "<root>")])
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("it is a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&target).expect("a folder can be made");
            copy(&entry.path(), &target);
        } else if !OWN.iter().any(|own| entry.file_name() == *own) {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}

/// What a command says.
fn said(scene: &Scene, line: &str) -> String {
    let line = line.replace("{root}", &root().to_string_lossy());
    let mut words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["cat", file] => return scene.read(file),
        ["ls", folder] => return listing(&scene.path().join(folder)),
        _ => {}
    }
    let variables: Vec<_> = words.iter().map_while(|word| word.split_once('=')).collect();
    let mut command = scene.command(words.drain(variables.len()..));
    let ran = finish(command.envs(variables), LIMIT);
    let code = ran.code();
    let part = |name: &str, text: String| match text.trim_end() {
        "" => String::new(),
        text => format!("-- {name}\n{text}\n"),
    };
    let (out, err) = (part("stdout", ran.text()), part("stderr", ran.err));
    format!("{out}{err}-- exit {code}\n")
}

fn listing(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned() + "\n";
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names.concat()
}
