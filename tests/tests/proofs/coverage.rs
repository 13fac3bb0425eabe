//! The workflows and the pipelines of the cases: every call of a host function is in their logs.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use theater_flow::sim::{End, Machine, Process, Schedule};

use super::count::Count;
use super::heard::{Book, Heard};
use super::live::{Lives, Piece, records};

/// Runs a pipeline file on a machine that has what lies beside it, for a minute of its time at most.
fn file(count: &mut Count, path: &Path) -> bool {
    let Some(piece) = Piece::read(path) else { return false };
    let machine = Machine::new(1);
    put_all(&machine, path.parent().expect("it lies in a folder"));
    machine.feed(b"one\ntwo TODO\nthree ERROR\n");
    let book = Rc::new(RefCell::new(Book::default()));
    let heard = Heard { crew: piece.crew_on(&machine), book: Rc::clone(&book) };
    let schedule = Schedule { seed: 5, rough: true };
    let process = Process::start(&machine, &piece.plan, heard, schedule).expect("a new log");
    let mut process = process.expect("it has not begun");
    process.stop_at(machine.now() + 60_000);
    let end = process.run();
    assert!(matches!(end, End::Ended(_)), "{}: {end:?}", path.display());
    count.compare(&book.borrow(), &records(&machine), Lives::default());
    let again = piece.replay(&machine);
    assert_eq!((again.differences, again.skipped), (vec![], 0), "{}", path.display());
    true
}

fn put_all(machine: &Machine, folder: &Path) {
    for entry in fs::read_dir(folder).expect("it is a folder").flatten() {
        if entry.path().is_dir() {
            put_all(machine, &entry.path());
        } else if let (Some(path), Ok(bytes)) = (entry.path().to_str(), fs::read(entry.path())) {
            machine.put(path, &bytes);
        }
    }
}

/// All pipeline files below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it is a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_call_in_workflows_and_cases_is_in_the_log() {
    let mut count = Count::default();
    let root = theater_flow_tests::root();
    let files: Vec<PathBuf> =
        [files(&root.join("workflows")), files(&root.join("tests/cases"))].concat();
    let ran = files.iter().filter(|path| file(&mut count, path)).count();
    println!("files {ran} of {}\n{}", files.len(), count.table());
    count.check();
    assert!(ran > 40, "{ran} files");
}
