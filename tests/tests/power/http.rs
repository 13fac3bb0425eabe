//! Power cuts of runs whose agents make requests: what a server has seen was on record before, and is made once.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use theater_flow_tests::dice::Dice;
use theater_flow_tests::lives::tell;
use theater_flow_tests::powercut::{Image, Mount, available, freeze, is_still};
use theater_flow_tests::requests::Requests;
use theater_flow_tests::{LIMIT, Scene, is_full};

/// Lines, and so requests, of a run.
const LINES: usize = 40;

/// A folder on an image that can be cut off.
struct Rig {
    requests: Requests,
    /// Unmounted after the scene is gone, and before the image goes.
    mount: Option<Mount>,
    image: Image,
    folder: TempDir,
    dice: Dice,
    cuts: usize,
}

impl Rig {
    fn new(folder: TempDir) -> Self {
        let at = folder.path().join("disk");
        std::fs::create_dir(&at).expect("a folder can be made");
        let image = Image::create(&folder.path().join("disk.img"), 512).expect("an image");
        let mount = image.mount(&at).expect("it can be mounted");
        let requests = Requests::new(Scene::below(&at), "fail", LINES);
        // What is there before a run is durable: it is not what is tried.
        let disk = std::fs::File::open(&at).expect("a folder");
        rustix::fs::syncfs(disk).expect("it can be synced");
        Self { requests, mount: Some(mount), image, folder, dice: Dice::new(31), cuts: 0 }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.requests.scene.command(line.split_whitespace());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    }

    /// Waits until the server has seen some requests more, or a while.
    fn wait(&mut self, child: &Child) {
        let (began, before) = (Instant::now(), self.requests.server.counts().0);
        let more = usize::try_from(self.dice.below(LINES as u64)).expect("it is small") + 1;
        let while_ms = (self.dice.below(4) == 0).then(|| self.dice.below(300));
        while !is_still(child) && began.elapsed() < LIMIT {
            let is_now = match while_ms {
                Some(ms) => began.elapsed() >= Duration::from_millis(ms),
                None => self.requests.server.counts().0 >= before + more,
            };
            if is_now {
                return;
            }
            thread::yield_now();
        }
    }

    /// Cuts the power, and puts the copy into the disk's place.
    fn cut(&mut self, mut child: Child) {
        self.wait(&child);
        freeze(&child);
        let mount = self.mount.take().expect("it is mounted");
        let copy = mount.copy_now(&self.folder.path().join(format!("disk-{}.img", self.cuts)));
        // It may just have ended.
        let _ = child.kill();
        child.wait().expect("it is waited for");
        let at = mount.path().to_owned();
        mount.unmount().expect("nobody uses it");
        self.image = copy.expect("the image can be copied");
        self.mount = Some(self.image.mount(&at).expect("the copy can be mounted"));
        self.cuts += 1;
    }

    /// One run that is cut off twice and goes on. What nobody knows of, and what came twice.
    fn run(&mut self) -> (usize, usize) {
        let before = self.requests.before();
        let runs = self.requests.scene.runs().len();
        let child = self.start("run pipeline.toml");
        self.cut(child);
        // The power may have gone before the run had a folder, or its first record.
        let is_there = self.requests.scene.runs().len() > runs;
        if is_there && !self.is_over() {
            let child = self.start("resume @latest");
            self.cut(child);
        }
        let resumed = is_there && self.requests.scene.say("resume @latest").code() != 2;
        if !(resumed || is_there && self.is_over()) {
            self.requests.scene.say("run pipeline.toml").ends(0);
        }
        self.requests.check(&before)
    }

    fn is_over(&self) -> bool {
        self.requests.status().as_deref() == Some("completed")
    }
}

#[test]
fn what_a_server_has_seen_was_on_record_before() {
    let folder = TempDir::new().expect("a temporary folder");
    if let Err(why) = available(folder.path()) {
        tell(&format!("requests: power cuts skipped: {why}"));
        return;
    }
    let goal = if is_full() { 40 } else { 4 };
    let mut rig = Rig::new(folder);
    let (mut runs, mut unsure, mut twice) = (0, 0, 0);
    while rig.cuts < goal {
        let (nobody_knew, again) = rig.run();
        (runs, unsure, twice) = (runs + 1, unsure + nobody_knew, twice + again);
    }
    assert_eq!(twice, 0, "what may not be made again came twice");
    tell(&format!(
        "requests: power cuts {} in {runs} runs of {LINES} requests; nobody knew of {unsure}, {twice} came twice",
        rig.cuts
    ));
}
