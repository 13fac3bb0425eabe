//! Power cuts, simulated: the whole folder lies on a file system in an image file. At the instant in
//! question the process is stopped and the image copied; what a program finds on the copy is what it would
//! find after the cut. All that anybody had seen must be there, and the run must go on exactly.

mod http;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use theater_flow_tests::account::{Account, hashes};
use theater_flow_tests::dice::Dice;
use theater_flow_tests::lives::{Copying, Life, Mode, Past, tell};
use theater_flow_tests::powercut::{Image, Mount, available, freeze, is_still};
use theater_flow_tests::{LIMIT, finish, is_full};

/// What the outside knew of a run when the power went.
struct Seen {
    /// Those that ran it, the last of which was cut off.
    past: Vec<Past>,
    /// What they had printed.
    printed: Vec<u8>,
    /// How many records `head.json` named, and the hash of the last.
    head: Option<(u64, String)>,
}

/// A folder on an image that can be cut off.
struct Rig {
    /// Unmounted before the image goes.
    mount: Option<Mount>,
    image: Image,
    folder: TempDir,
    copying: Copying,
    lines: u64,
    dice: Dice,
    /// How long a run takes that nobody disturbs, in ms.
    whole: u64,
}

impl Rig {
    fn new(folder: TempDir, mode: Mode, lines: usize) -> Self {
        let at = folder.path().join("disk");
        fs::create_dir(&at).expect("a folder can be made");
        let image = Image::create(&folder.path().join("disk.img"), 512).expect("an image");
        let mount = image.mount(&at).expect("it can be mounted");
        let place = at.join("work");
        fs::create_dir(&place).expect("a folder can be made");
        let copying = Copying::new(&place, lines, mode);
        let began = Instant::now();
        let first = copying.start("run copying.toml").ended();
        assert!(first.status.success(), "{}", first.err);
        let whole = u64::try_from(began.elapsed().as_millis()).expect("a short time");
        let dice = Dice::new(lines as u64 + u64::from(mode == Mode::Append));
        Self { mount: Some(mount), image, folder, copying, lines: lines as u64, dice, whole }
    }

    fn mount(&self) -> &Mount {
        self.mount.as_ref().expect("it is mounted")
    }

    /// What was there before the run is durable: it is not what is tried.
    fn settle(&self) {
        let disk = fs::File::open(self.mount().path()).expect("a folder");
        rustix::fs::syncfs(disk).expect("it can be synced");
    }

    /// Runs, and cuts the power. Sometimes the one that is cut off has taken up what another left.
    fn cut(&mut self, nth: usize) -> (Seen, Image) {
        self.copying.clear();
        self.settle();
        let mut past = Vec::new();
        if nth % 3 == 2 {
            let at = self.dice.below(self.copying.printed.len() as u64 / 2) + 1;
            let life = self.copying.start("run copying.toml");
            past.push(life.killed_when(|life| life.printed() >= at));
        }
        let what = if past.is_empty() { "run copying.toml" } else { "resume @latest" };
        let life = self.copying.start(what);
        self.wait(&life, nth);
        freeze(&life.child);
        let (printed, head) = (self.copying.read("stdout.txt"), self.head());
        let copy = self.mount().copy_now(&self.folder.path().join(format!("disk-{nth}.img")));
        past.push(life.killed_when(|_| true));
        assert_eq!(printed, self.copying.read("stdout.txt"), "it was stopped");
        (Seen { past, printed, head }, copy.expect("the image can be copied"))
    }

    /// Waits for the instant: that something was acknowledged, by the head or by what is printed, or any.
    fn wait(&mut self, life: &Life, nth: usize) {
        let total = self.copying.printed.len() as u64;
        let (before, part) = (self.copying.size("stdout.txt"), self.dice.below(total) + 1);
        let (head, heads) = (self.head(), self.dice.below(self.whole / 200 + 1));
        let any = Duration::from_millis(self.dice.below(self.whole));
        let (began, mut seen, mut last) = (Instant::now(), 0, head);
        while began.elapsed() < LIMIT {
            let is_now = match nth % 4 {
                0 => self.copying.size("stdout.txt") >= part.max(before + 1).min(total),
                1 | 3 => {
                    let head = self.head();
                    seen += u64::from(head != last);
                    last = head;
                    seen > heads || last.is_some() && is_still(&life.child)
                }
                _ => began.elapsed() >= any,
            };
            if is_now {
                return;
            }
            thread::yield_now();
        }
        panic!("the run does not come so far: {}", life.err());
    }

    /// What the head names; nothing before there is a record.
    fn head(&self) -> Option<(u64, String)> {
        let text = fs::read(self.copying.run()?.join("head.json")).ok()?;
        let value: Value = serde_json::from_slice(&text).expect("a head is replaced as a whole");
        let seq = value["seq"].as_u64().filter(|seq| *seq > 0)?;
        Some((seq, value["head"].as_str()?.to_owned()))
    }

    /// Goes on on the copy.
    fn after(&mut self, seen: Seen, copy: Image) {
        self.swap(copy);
        goes_on(&self.copying, seen, self.lines);
    }

    /// The copy takes the disk's place: paths in the log are absolute.
    fn swap(&mut self, copy: Image) {
        let mount = self.mount.take().expect("it is mounted");
        let at = mount.path().to_owned();
        mount.unmount().expect("nobody uses it");
        self.image = copy;
        self.mount = Some(self.image.mount(&at).expect("the copy can be mounted"));
    }
}

/// The run is as it was seen, and completes.
fn goes_on(copying: &Copying, seen: Seen, lines: u64) {
    let Seen { mut past, printed, head } = seen;
    let was_seen = !printed.is_empty() || head.is_some();
    fs::write(copying.path("stdout.txt"), &printed).expect("a file can be written");
    if was_seen {
        let verified = finish(&mut copying.command("verify @latest"), LIMIT).ends(0);
        assert!(verified.text().contains("verified"), "{verified}");
    }
    let before = was_seen.then(|| Account::of(copying));
    if let (Some((seq, hash)), Some(account)) = (&head, &before) {
        let last = usize::try_from(*seq).expect("it fits in memory").checked_sub(1);
        let found = last.and_then(|last| account.hashes.get(last));
        assert_eq!(found, Some(hash), "the record that the head named is there");
    }
    let mut next = copying.start("resume @latest").ended();
    if !was_seen && !next.status.success() {
        let nothing = ["the run never began", "there are no runs", "there is no run"];
        assert!(nothing.iter().any(|why| next.err.contains(why)), "{}", next.err);
        next = copying.start("run copying.toml").ended();
    }
    let completed = next.err.contains("already completed");
    assert!(next.status.success() || completed, "{}", next.err);
    past.push(next);
    assert!(copying.read("out.jsonl") == copying.output, "every line is there once, in order");
    let account = Account::of(copying);
    let _ = account.check_printed(copying, &past);
    account.check_messages(lines);
    if let Some(before) = before {
        let kept = &account.hashes[..before.hashes.len()];
        assert!(kept == before.hashes, "the run goes on behind what was there");
    }
    finish(&mut copying.command("verify @latest"), LIMIT).ends(0);
}

fn cuts(mode: Mode, cuts: usize) {
    let folder = TempDir::new().expect("a temporary folder");
    if let Err(why) = available(folder.path()) {
        tell(&format!("{mode:?}: power cuts skipped: {why}"));
        return;
    }
    let lines = if is_full() { 6_000 } else { 2_000 };
    let mut rig = Rig::new(folder, mode, lines);
    let mut nothing = 0;
    for nth in 0..cuts {
        let (seen, copy) = rig.cut(nth);
        nothing += usize::from(seen.printed.is_empty() && seen.head.is_none());
        rig.after(seen, copy);
    }
    tell(&format!(
        "{mode:?}: power cuts {cuts}/{cuts} of runs of {lines} lines, {nothing} before anything was seen"
    ));
}

/// Cuts the power while a run is pruned: the log is as it was before, or as it is afterwards, and afterwards if
/// somebody was told so.
#[test]
fn a_power_cut_while_it_is_pruned_leaves_the_log_before_or_after() {
    let folder = TempDir::new().expect("a temporary folder");
    if let Err(why) = available(folder.path()) {
        tell(&format!("prunings: power cuts skipped: {why}"));
        return;
    }
    let (cuts, mut after) = (if is_full() { 40 } else { 4 }, 0);
    let mut rig = Rig::new(folder, Mode::Replace, 2_000);
    for nth in 0..cuts {
        rig.copying.clear();
        assert!(rig.copying.start("run copying.toml").ended().status.success());
        rig.settle();
        let before = hashes(&rig.copying);
        let life = rig.copying.start("prune @latest");
        let (began, printed) = (Instant::now(), rig.copying.size("stdout.txt"));
        let instant = Duration::from_millis(rig.dice.below(rig.whole));
        let told = |rig: &Rig| rig.copying.size("stdout.txt") > printed;
        while began.elapsed() < LIMIT && (nth % 3 == 0 || began.elapsed() < instant) {
            if is_still(&life.child) || nth % 3 == 0 && told(&rig) {
                break;
            }
            thread::yield_now();
        }
        freeze(&life.child);
        let told = told(&rig);
        let copy = rig.mount().copy_now(&rig.folder.path().join(format!("disk-{nth}.img")));
        drop(life.killed_when(|_| true));
        rig.swap(copy.expect("the image can be copied"));
        finish(&mut rig.copying.command("verify @latest"), LIMIT).ends(0);
        let now = hashes(&rig.copying);
        assert_eq!(now[..before.len()], before[..], "the chain is what it was");
        let done = now.len() > before.len();
        assert!(done || !told, "what was told is so");
        after += usize::from(done);
        finish(&mut rig.copying.command("prune @latest"), LIMIT).ends(0);
        finish(&mut rig.copying.command("verify @latest"), LIMIT).ends(0);
    }
    tell(&format!("prunings: power cuts {cuts}/{cuts}, {after} of them done"));
}

#[test]
fn a_power_cut_takes_nothing_that_was_seen() {
    cuts(Mode::Replace, if is_full() { 70 } else { 4 });
}

#[test]
fn a_power_cut_spares_what_was_in_the_file() {
    cuts(Mode::Append, if is_full() { 50 } else { 3 });
}
